#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the field table from protoc's descriptor set.

The .proto files say everything about an object: names, types, and in the options of options.proto
what is required, what may change, how a value must look and where the command line shows it. This
script turns that into C data for src/api/field.h, or into docs/reference.md.

    fieldtable.py c DESCRIPTOR_SET OUTPUT
    fieldtable.py docs DESCRIPTOR_SET OUTPUT
    fieldtable.py check DESCRIPTOR_SET REFERENCE    fails if REFERENCE is not what docs would write
"""
import difflib
import json
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = 'mizar.v1'
OPTIONS_FILE = 'mizar/v1/options.proto'
Field = descriptor_pb2.FieldDescriptorProto


class Schema:
    """The messages and enums of our package, with their rules and comments."""

    def __init__(self, path):
        self.pool = descriptor_pool.DescriptorPool()
        with open(path, 'rb') as f:
            data = f.read()
        # Parsed twice: only classes made from the set itself can read the set's own options.
        for file in descriptor_pb2.FileDescriptorSet.FromString(data).file:
            self.pool.Add(file)
        self.factory = factory = message_factory.MessageFactory(self.pool)
        factory.GetMessages([OPTIONS_FILE])
        name = 'google.protobuf.FileDescriptorSet'
        files = factory.GetPrototype(self.pool.FindMessageTypeByName(name)).FromString(data)

        self.messages = []   # Message, in the order of the files
        self.enums = {}      # full name -> Enum
        for file in files.file:
            if file.package == PACKAGE and file.name != OPTIONS_FILE:
                self.add_file(file)
        self.by_name = {m.full_name: m for m in self.messages}

    def option(self, options, name):
        extension = self.pool.FindExtensionByName(f'{PACKAGE}.{name}')
        return options.Extensions[extension] if options.HasExtension(extension) else None

    def empty_rule(self):
        return self.factory.GetPrototype(self.pool.FindMessageTypeByName(f'{PACKAGE}.FieldRule'))()

    def add_file(self, file):
        comments = {}
        for location in file.source_code_info.location:
            text = location.leading_comments or location.trailing_comments
            comments[tuple(location.path)] = ' '.join(text.split())
        for i, enum in enumerate(file.enum_type):
            self.add_enum(f'{PACKAGE}.{enum.name}', enum, comments, (5, i))
        for i, message in enumerate(file.message_type):
            self.add_message(file, message, '', comments, (4, i))

    def add_enum(self, full_name, enum, comments, path):
        values = []
        for i, value in enumerate(enum.value):
            text = self.option(value.options, 'json') or value.name
            values.append((value.number, text, comments.get(path + (2, i), '')))
        self.enums[full_name] = Enum(full_name, values)

    def add_message(self, file, proto, outer, comments, path):
        name = outer + proto.name
        full_name = f'{PACKAGE}.{name}'
        self.messages.append(Message(self, file, proto, name, comments, path))
        for i, enum in enumerate(proto.enum_type):
            self.add_enum(f'{full_name}.{enum.name}', enum, comments, path + (4, i))
        for i, nested in enumerate(proto.nested_type):
            self.add_message(file, nested, name + '.', comments, path + (3, i))

    def kinds(self):
        return [m for m in self.messages if m.kind]


class Enum:
    def __init__(self, full_name, values):
        self.name = full_name[len(PACKAGE) + 1:]
        self.values = values  # (number, text, doc)

    def c_name(self):
        return 'values_' + self.name.replace('.', '_')


class Message:
    def __init__(self, schema, file, proto, name, comments, path):
        self.name = name
        self.full_name = f'{PACKAGE}.{name}'
        self.file = file.name
        self.doc = comments.get(path, '')
        self.kind = schema.option(proto.options, 'kind')
        fields = [MessageField(schema, f, comments.get(path + (2, i), ''))
                  for i, f in enumerate(proto.field)]
        self.fields = sorted(fields, key=lambda f: f.number)  # as protobuf-c has them

    def c_name(self):
        return 'fields_' + self.name.replace('.', '_')

    def descriptor(self):
        """The symbol that protoc-c made for the message."""
        return '__'.join(lower(part) for part in self.full_name.split('.')) + '__descriptor'


class MessageField:
    # What src/api/ reads and writes.
    TYPES = {Field.TYPE_STRING, Field.TYPE_BYTES, Field.TYPE_BOOL, Field.TYPE_ENUM,
             Field.TYPE_MESSAGE, Field.TYPE_UINT32, Field.TYPE_UINT64, Field.TYPE_FIXED64}

    def __init__(self, schema, proto, doc):
        self.name = proto.json_name
        self.number = proto.number
        self.type = proto.type
        self.type_name = proto.type_name.lstrip('.')
        self.repeated = proto.label == Field.LABEL_REPEATED
        self.default = proto.default_value if proto.HasField('default_value') else None
        self.doc = doc
        self.oneof = proto.HasField('oneof_index')
        rule = schema.option(proto.options, 'field')
        self.rule = rule if rule is not None else schema.empty_rule()
        descriptor = self.rule.DESCRIPTOR.fields_by_name['format'].enum_type
        self.format = descriptor.values_by_number[self.rule.format].name
        if self.type not in self.TYPES:
            sys.exit(f'{self.name}: no JSON form for this type: use one of those in TYPES')
        if self.type == Field.TYPE_BYTES and self.format not in ('IP', 'MAC'):
            sys.exit(f'{self.name}: bytes are written as text: give a format, IP or MAC')


def lower(camel):
    """protoc-c's CamelToLower: an underscore before each upper case letter that starts a word."""
    out = ''
    was_upper = True
    for c in camel:
        out += ('_' if c.isupper() and not was_upper else '') + c.lower()
        was_upper = c.isupper()
    return out


# ---- C --------------------------------------------------------------------------------------------

def quote(text):
    return json.dumps(text, ensure_ascii=True)


def c_field(schema, index, field):
    rule = field.rule
    out = [f'.json = {quote(field.name)}', f'.doc = {quote(field.doc)}']
    if field.type == Field.TYPE_MESSAGE:
        out.append(f'.message = &mz_messages[{index[field.type_name]}]')
    if field.type == Field.TYPE_ENUM:
        enums = list(schema.enums)
        out.append(f'.enumeration = &enums[{enums.index(field.type_name)}]')
    if field.format != 'ANY':
        out.append(f'.format = MZ_FORMAT_{field.format}')
    out += [f'.{flag} = true' for flag in ('required', 'immutable', 'output', 'map')
            if getattr(rule, flag)]
    for bound in ('min', 'max'):
        if rule.HasField(bound):
            out.append(f'.has_{bound} = true, .{bound} = {getattr(rule, bound)}')
    out += [f'.{limit} = {getattr(rule, limit)}' for limit in ('min_items', 'max_items')
            if getattr(rule, limit)]
    out += [f'.{text} = {quote(getattr(rule, text))}' for text in ('ref', 'column', 'wide_column')
            if getattr(rule, text)]
    return '\t{ ' + ', '.join(out) + ' },'


def c_kind(index, message):
    kind = message.kind
    number = 'MZ_KIND_' + message.name.upper()
    shorts = ', '.join([quote(s) for s in kind.short] + ['NULL'])
    flags = ''.join(f' .{flag} = true,' for flag in ('namespaced', 'managed') if getattr(kind, flag))
    return (f'\t[{number}] = {{ .kind = {number}, .name = {quote(message.name)}, '
            f'.article = {quote("an" if message.name[0] in "AEIOU" else "a")},\n'
            f'.plural = {quote(kind.plural)},\n'
            f'\t\t.shorts = (const char *const[]){{ {shorts} }},{flags}\n'
            f'\t\t.message = &mz_messages[{index[message.full_name]}] }},')


def generate_c(schema):
    index = {m.full_name: i for i, m in enumerate(schema.messages)}
    out = ['/* Made by api/fieldtable.py from api/mizar/v1/. */', '#include "api/table.h"', '',
           '#include <assert.h>', '']
    out += sorted({f'#include "{m.file[:-len(".proto")]}.pb-c.h"' for m in schema.messages})
    for enum in schema.enums.values():
        out += ['', f'static const struct mz_enum_value {enum.c_name()}[] = {{']
        out += [f'\t{{ {n}, {quote(text)}, {quote(doc)} }},' for n, text, doc in enum.values]
        out += ['\t{ 0, NULL, NULL },', '};']
    out += ['', 'static const struct mz_enum enums[] = {']
    out += [f'\t{{ {quote(e.name)}, {e.c_name()} }},' for e in schema.enums.values()]
    out += ['};']
    for message in schema.messages:
        out += ['', f'static struct mz_field {message.c_name()}[] = {{']
        out += [c_field(schema, index, f) for f in message.fields]
        out += ['\t{ .json = NULL },', '};']
    out += ['', 'const struct mz_message mz_messages[] = {']
    out += [f'\t{{ &{m.descriptor()}, {quote(m.name)},\n\t  {quote(m.doc)},\n\t  {m.c_name()} }},'
            for m in schema.messages]
    out += ['};', f'const size_t mz_n_messages = {len(schema.messages)};', '',
            'const struct mz_kind_info mz_kinds[MZ_N_KINDS] = {']
    out += [c_kind(index, m) for m in schema.kinds()]
    out += ['};', '', BIND]
    out += [f'\tbind({m.c_name()}, &{m.descriptor()}, {len(m.fields)});' for m in schema.messages]
    out += ['}', '']
    return '\n'.join(out)


BIND = '''/*
 * protobuf-c keeps the fields of a message in an array that is not visible here, so that its address
 * is no constant. Both sides are ordered by field number.
 */
static void bind(struct mz_field *fields, const ProtobufCMessageDescriptor *message, size_t n)
{
	size_t i;

	assert(message->n_fields == n);
	for (i = 0; i < n; i++)
		fields[i].pbc = &message->fields[i];
}

__attribute__((constructor)) static void bind_all(void)
{'''


# ---- the reference --------------------------------------------------------------------------------

FORMATS = {'DNS_LABEL': 'name', 'IP': 'address', 'PREFIX': 'prefix', 'MAC': 'MAC',
           'LABEL_KEY': 'label key', 'LABEL_VALUE': 'label value', 'IFNAME': 'device name',
           'TIMESTAMP': 'time'}
NUMBERS = {Field.TYPE_UINT64: '64-bit number, as text', Field.TYPE_FIXED64: '64-bit number, as text',
           Field.TYPE_UINT32: 'number', Field.TYPE_BOOL: 'true or false', Field.TYPE_STRING: 'text'}

INTRO = '''# Reference

Every object of Mizar, field by field. This page is made from the comments and options in `api/mizar/v1/`
(`ninja -C build reference`), and a test fails when it is out of date.

An object is written in YAML or JSON, several in one file as YAML documents or as a `kind: List` with `items`:

	apiVersion: mizar.com/v1
	kind: Network
	metadata:
	  namespace: acme
	  name: web
	spec:
	  vpc: prod
	  cidrs: [10.0.1.0/24]

In the tables, *fixed* means that a value cannot change once it is set, *output* that Mizar sets it: a manifest may
carry it, and the value is ignored. A *name* is a DNS label: lower case letters, digits and `-`, at most 63 characters.
Text that looks like a number or like true, false or null wants quotes in YAML.
'''

ROWS_INTRO = '''## Rows

What a host's tables hold, as `mizar host tables -o json` prints and `mizar host set` reads them: an object with one of
the following members. Addresses and MACs are text here.
'''


def type_text(schema, field):
    if field.type == Field.TYPE_ENUM:
        text = ' \\| '.join(f'`{v[1]}`' for v in schema.enums[field.type_name].values)
    elif field.rule.map:
        return 'map of text to text'
    elif field.type == Field.TYPE_MESSAGE:
        text = schema.by_name[field.type_name].name
    else:
        text = FORMATS.get(field.format) or NUMBERS[field.type]
    return f'list of {text}' if field.repeated else text


def default_text(schema, field):
    if field.type == Field.TYPE_ENUM:
        # Values are named ENUM_VALUE in the .proto and shown by their JSON names everywhere else.
        descriptor = schema.pool.FindEnumTypeByName(field.type_name)
        number = descriptor.values_by_name[field.default].number
        return next(v[1] for v in schema.enums[field.type_name].values if v[0] == number)
    return field.default


def rules_text(schema, field):
    rule = field.rule
    out = [word for word, yes in (('required', rule.required), ('fixed', rule.immutable),
                                  ('output', rule.output)) if yes]
    if rule.HasField('min') or rule.HasField('max'):
        out.append(f'{rule.min} to {rule.max}')
    if rule.max_items:
        out.append(f'at most {rule.max_items}')
    if rule.ref:
        out.append(f'names a {rule.ref}')
    if field.default is not None:
        out.append(f'default `{default_text(schema, field)}`')
    return ', '.join(out)


def rows_of(schema, message, prefix, without=()):
    """Table lines of a message, with the fields of those it holds behind a dotted path."""
    out = []
    for field in message.fields:
        if field.name in without:
            continue
        path = prefix + field.name + ('[]' if field.repeated and not field.rule.map else '')
        cells = (f'`{path}`', type_text(schema, field), rules_text(schema, field),
                 field.doc.replace('|', '\\|'))
        out.append('| ' + ' | '.join(cells) + ' |')
        if field.type == Field.TYPE_MESSAGE and not field.rule.map:
            out += rows_of(schema, schema.by_name[field.type_name], path + '.')
    return out


def table(schema, message, prefix='', without=()):
    return (['| Field | Type | Rules | |', '|---|---|---|---|'] +
            rows_of(schema, message, prefix, without) + [''])


def enum_docs(schema, message, without=()):
    """What the values of a message's enums mean, where the .proto says it."""
    out = []
    for field in message.fields:
        if field.type == Field.TYPE_ENUM and field.name not in without:
            out += [f'- `{field.name}: {text}`: {doc}'
                    for _, text, doc in schema.enums[field.type_name].values if doc]
    return out + [''] if out else []


def kind_docs(schema, message):
    kind = message.kind
    names = ', '.join(f'`{n}`' for n in [kind.plural, message.name.lower()] + list(kind.short))
    where = 'Belongs to a namespace.' if kind.namespaced else 'Belongs to the whole cluster.'
    who = ' Made and removed by Mizar; may be read and deleted.' if kind.managed else ''
    out = [f'## {message.name}', '', f'{message.doc} {where}{who} On the command line: {names}.', '']
    parts = {f.name: schema.by_name[f.type_name] for f in message.fields}
    common = [f.name for f in schema.by_name[f'{PACKAGE}.Status'].fields]
    out += table(schema, parts['spec'], 'spec.') + enum_docs(schema, parts['spec'])
    out += table(schema, parts['status'], 'status.', common)
    return out + enum_docs(schema, parts['status'], common)


def generate_docs(schema):
    out = INTRO.split('\n')
    status = schema.by_name[f'{PACKAGE}.Status']
    out += ['## All objects', ''] + table(schema, schema.by_name[f'{PACKAGE}.Metadata'], 'metadata.')
    out += table(schema, status, 'status.') + enum_docs(schema, status)
    for message in schema.kinds():
        out += kind_docs(schema, message)
    out += ROWS_INTRO.split('\n')
    for field in schema.by_name[f'{PACKAGE}.Row'].fields:
        message = schema.by_name[field.type_name]
        out += [f'### {field.name}', '', message.doc, ''] + table(schema, message)
    return '\n'.join(out).rstrip('\n') + '\n'


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ('c', 'docs', 'check'):
        sys.exit(__doc__)
    verb, source, path = sys.argv[1:]
    schema = Schema(source)
    text = generate_c(schema) if verb == 'c' else generate_docs(schema)
    if verb == 'check':
        with open(path, encoding='utf-8') as f:
            present = f.read()
        diff = difflib.unified_diff(present.splitlines(), text.splitlines(), path, 'api/mizar/v1')
        sys.exit('\n'.join(diff) or 0)
    with open(path, 'w', encoding='utf-8') as f:
        f.write(text)


if __name__ == '__main__':
    main()
