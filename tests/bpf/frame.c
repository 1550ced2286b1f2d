// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "frame.h"

#define HOSTS "192.168.50."

static bool underlay_is_ipv6;

void put16(uint8_t *to, uint16_t value)
{
	to[0] = value >> 8;
	to[1] = value;
}

void put32(uint8_t *to, uint32_t value)
{
	put16(to, value >> 16);
	put16(to + 2, value);
}

void put_mac(uint8_t *to, const char *text)
{
	int n = sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", to, to + 1, to + 2, to + 3, to + 4,
		       to + 5);

	assert(n == 6);
}

size_t put_ip(uint8_t *to, const char *text)
{
	int family = strchr(text, ':') ? AF_INET6 : AF_INET;
	int r = inet_pton(family, text, to);

	assert(r == 1);
	return family == AF_INET ? 4 : 16;
}

uint16_t checksum(const uint8_t *bytes, size_t size, uint32_t sum)
{
	for (size_t i = 0; i < size; i++)
		sum += i & 1 ? bytes[i] : bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

void frame_append(struct frame *frame, const void *bytes, size_t size)
{
	assert(frame->size + size <= FRAME_MAX);
	if (size)
		memcpy(frame->bytes + frame->size, bytes, size);
	frame->size += size;
}

void frame_ethernet(struct frame *frame, const char *dst_mac, const char *src_mac, uint16_t proto)
{
	frame->size = ETH;
	put_mac(frame->bytes, dst_mac);
	put_mac(frame->bytes + 6, src_mac);
	put16(frame->bytes + 12, proto);
}

void frame_underlay(bool is_ipv6)
{
	underlay_is_ipv6 = is_ipv6;
}

bool frame_underlay_is_ipv6(void)
{
	return underlay_is_ipv6;
}

const char *frame_host(const char *text, char buf[static 48])
{
	if (!underlay_is_ipv6 || strncmp(text, HOSTS, strlen(HOSTS)) != 0)
		return text;
	(void)snprintf(buf, 48, "fd50::%s", text + strlen(HOSTS));
	return buf;
}

struct mz_addr addr(const char *text)
{
	struct mz_addr a = {};
	char host[48];

	if (!*text)
		return a;
	text = frame_host(text, host);
	if (!strchr(text, ':')) {
		a.words_be[2] = htonl(0xffff);
		put_ip(a.bytes + 12, text);
	} else {
		put_ip(a.bytes, text);
	}
	return a;
}

size_t frame_outer_size(void)
{
	return underlay_is_ipv6 ? 40 : 20;
}

static void append_ipv4(struct frame *frame, const struct ip_spec *spec, size_t payload_size)
{
	uint8_t header[60] = {};
	size_t size = 20 + spec->n_options;

	header[0] = 0x40 | size / 4;
	header[1] = spec->tos;
	put16(header + 2, size + payload_size);
	put16(header + 6, spec->fragment);
	header[8] = spec->ttl ? spec->ttl : 64;
	header[9] = spec->proto ? spec->proto : 17;
	put_ip(header + 12, spec->src);
	put_ip(header + 16, spec->dst);
	memset(header + 20, 1, spec->n_options);
	put16(header + 10, checksum(header, size, 0));
	frame_append(frame, header, size);
}

static void append_ipv6(struct frame *frame, const struct ip_spec *spec, size_t payload_size)
{
	uint8_t header[40] = {};

	put32(header, 6U << 28 | (uint32_t)spec->tos << 20 | 0x12345);
	put16(header + 4, payload_size);
	header[6] = spec->proto ? spec->proto : 17;
	header[7] = spec->ttl ? spec->ttl : 64;
	put_ip(header + 8, spec->src);
	put_ip(header + 24, spec->dst);
	frame_append(frame, header, sizeof(header));
}

void frame_ip(struct frame *frame, const struct ip_spec *spec)
{
	static const uint8_t udp[] = { 0x30, 0x39, 0x00, 0x50, 0x00, 0x10, 0xbe, 0xef,
				       'm',  'i',  'z',	 'a',  'r',  '!',  '!',	 '!' };
	const void *payload = spec->payload ? spec->payload : udp;
	size_t size = spec->payload ? spec->payload_size : sizeof(udp);
	bool is_ipv6 = strchr(spec->src, ':');

	frame_ethernet(frame, spec->dst_mac, spec->src_mac, is_ipv6 ? 0x86dd : 0x0800);
	if (is_ipv6)
		append_ipv6(frame, spec, size);
	else
		append_ipv4(frame, spec, size);
	frame_append(frame, payload, size);
}

void frame_tunnel(struct frame *frame, const struct tunnel_spec *spec, const struct frame *inner)
{
	uint8_t payload[FRAME_MAX];
	char src[48], dst[48];
	size_t size = 16 + spec->n_options + inner->size;
	struct ip_spec ip = {
		.dst_mac = spec->dst_mac,
		.src_mac = spec->src_mac,
		.src = frame_host(spec->src, src),
		.dst = frame_host(spec->dst, dst),
		.tos = spec->tos,
		.ttl = spec->ttl,
		.fragment = spec->fragment ? spec->fragment : 0x4000,
		.n_options = spec->n_ip_options,
		.payload = payload,
		.payload_size = size,
	};

	assert(size <= sizeof(payload));
	put16(payload, spec->src_port);
	put16(payload + 2, spec->dst_port ? spec->dst_port : 6081);
	put16(payload + 4, size);
	put16(payload + 6, spec->udp_check);
	payload[8] = spec->version << 6 | spec->n_options / 4;
	payload[9] = spec->flags;
	put16(payload + 10, spec->eth_proto ? spec->eth_proto : 0x6558);
	put32(payload + 12, spec->vni << 8);
	if (spec->n_options)
		memcpy(payload + 16, spec->options, spec->n_options);
	memcpy(payload + 16 + spec->n_options, inner->bytes, inner->size);
	frame_ip(frame, &ip);
}

void frame_extend_tunnel(struct frame *frame, size_t size)
{
	static const uint8_t zeros[FRAME_MAX];
	bool is_ipv6 = frame->bytes[ETH] >> 4 == 6;
	uint8_t *ip = frame->bytes + ETH;

	frame_append(frame, zeros, size - frame->size);
	put16(ip + (is_ipv6 ? 44 : 24), frame->size - ETH - (is_ipv6 ? 40 : 20));
	if (is_ipv6) {
		put16(ip + 4, frame->size - ETH - 40);
		return;
	}
	put16(ip + 2, frame->size - ETH);
	put16(ip + 10, 0);
	put16(ip + 10, checksum(ip, 20, 0));
}

void frame_icmp_checksum(struct frame *frame, size_t off, bool is_ipv6)
{
	size_t size = frame->size - off;
	uint32_t sum = 0;

	put16(frame->bytes + off + 2, 0);
	if (is_ipv6)
		sum = 58 + size + (uint16_t)~checksum(frame->bytes + ETH + 8, 32, 0);
	put16(frame->bytes + off + 2, checksum(frame->bytes + off, size, sum));
}

void frame_arp(struct frame *frame, const struct arp_spec *spec)
{
	uint8_t arp[28] = { 0, 1, 8, 0, 6, 4 };

	put16(arp + 6, spec->op);
	put_mac(arp + 8, spec->sender_mac);
	put_ip(arp + 14, spec->sender);
	put_mac(arp + 18, spec->target_mac);
	put_ip(arp + 24, spec->target);
	frame_ethernet(frame, spec->dst_mac, spec->src_mac, 0x0806);
	frame_append(frame, arp, sizeof(arp));
}

void frame_nd(struct frame *frame, const struct nd_spec *spec)
{
	uint8_t nd[32] = { spec->type, spec->code, 0, 0, spec->flags };
	struct ip_spec ip = {
		.dst_mac = spec->dst_mac,
		.src_mac = spec->src_mac,
		.src = spec->src,
		.dst = spec->dst,
		.proto = 58,
		.ttl = spec->hop_limit ? spec->hop_limit : 255,
		.payload = nd,
		.payload_size = spec->option ? 32 : 24,
	};

	put_ip(nd + 8, spec->target);
	nd[24] = spec->option;
	nd[25] = 1;
	if (spec->option)
		put_mac(nd + 26, spec->option_mac);
	frame_ip(frame, &ip);
	frame_icmp_checksum(frame, ETH + 40, true);
}
