/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets for tests, written down by their fields. The checksums are computed here, by plain sums
 * over bytes, so that those of the data plane are compared with something else than themselves.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mizar/tables.h"

#define ETH	  14 /* bytes of a header */
#define FRAME_MAX 10000

struct frame {
	size_t size;
	uint8_t bytes[FRAME_MAX];
};

/* An IP packet; the family is that of the addresses. */
struct ip_spec {
	const char *dst_mac, *src_mac;
	const char *src, *dst;
	uint8_t proto; /* 17 if 0 */
	uint8_t tos;
	uint8_t ttl;	     /* 64 if 0 */
	uint16_t fragment;   /* IPv4: flags and offset as in the header */
	size_t n_options;    /* IPv4: bytes of options (all "no operation") */
	const void *payload; /* NULL: a UDP header and some data */
	size_t payload_size;
};

/*
 * The family of the tunnels. Tests name hosts by 192.168.50.N; over IPv6 that is fd50::N, and
 * whatever they say about flags and options of an outer IPv4 header has no meaning.
 */
void frame_underlay(bool is_ipv6);
bool frame_underlay_is_ipv6(void);
/* The address behind the name of a host; others as they are. */
const char *frame_host(const char *text, char buf[static 48]);
/* Without options. */
size_t frame_outer_size(void);

/* A tunnel around a frame. */
struct tunnel_spec {
	const char *dst_mac, *src_mac;
	const char *src, *dst;
	uint8_t tos;
	uint8_t ttl; /* 64 if 0 */
	uint16_t src_port;
	uint16_t dst_port; /* 6081 if 0 */
	uint16_t fragment;
	size_t n_ip_options;
	uint16_t udp_check;
	uint8_t version, flags;
	uint16_t eth_proto; /* 0x6558 if 0 */
	uint32_t vni;
	const uint8_t *options; /* Geneve; a multiple of 4 bytes */
	size_t n_options;
};

void put16(uint8_t *to, uint16_t value);
void put32(uint8_t *to, uint32_t value);
void put_mac(uint8_t *to, const char *text);
/* 4 or 16 bytes; returns how many. */
size_t put_ip(uint8_t *to, const char *text);
/* As tables and options hold it: IPv4 mapped; "" is zero; hosts by frame_host(). */
struct mz_addr addr(const char *text);

/* The ones' complement sum of RFC 1071, complemented. */
uint16_t checksum(const uint8_t *bytes, size_t size, uint32_t sum);

void frame_ethernet(struct frame *frame, const char *dst_mac, const char *src_mac, uint16_t proto);
void frame_append(struct frame *frame, const void *bytes, size_t size);
void frame_ip(struct frame *frame, const struct ip_spec *spec);
void frame_tunnel(struct frame *frame, const struct tunnel_spec *spec, const struct frame *inner);
/* Gets zeros behind its end, as payload: the lengths follow. Without IP options. */
void frame_extend_tunnel(struct frame *frame, size_t size);
/*
 * For ICMP and ICMPv6: the checksum over the payload at `off`, with the pseudo header for ICMPv6.
 */
void frame_icmp_checksum(struct frame *frame, size_t off, bool is_ipv6);

struct arp_spec {
	const char *dst_mac, *src_mac;
	uint16_t op;
	const char *sender_mac, *sender, *target_mac, *target;
};
void frame_arp(struct frame *frame, const struct arp_spec *spec);

/* Neighbour discovery: NS 135, NA 136, RS 133, RA 134, redirect 137. */
struct nd_spec {
	const char *dst_mac, *src_mac;
	const char *src, *dst;
	uint8_t type, code, hop_limit; /* 255 if 0 */
	uint8_t flags;
	const char *target;
	uint8_t option; /* 0: none */
	const char *option_mac;
};
void frame_nd(struct frame *frame, const struct nd_spec *spec);
