#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Makes mizar-manifest(5) from protoc's descriptor set, as fieldtable.py makes docs/reference.md.

    manpage.py DESCRIPTOR_SET OUTPUT
"""
import re
import sys

from fieldtable import PACKAGE, Field, Schema, rules_text, type_text

INTRO = r'''.\" SPDX-License-Identifier: Apache-2.0
.\" Made by api/manpage.py from api/mizar/v1/.
.TH MIZAR\-MANIFEST 5 "" "Mizar" "Mizar"
.SH NAME
mizar\-manifest \- the objects of Mizar, as they are written in manifests
.SH DESCRIPTION
.B mizar apply \-f
reads objects in YAML or JSON, any number in a file: as YAML documents, or as a
.B kind: List
with
.BR items .
.PP
.nf
apiVersion: mizar.com/v1
kind: Network
metadata:
  namespace: acme
  name: web
spec:
  vpc: prod
  cidrs: [10.0.1.0/24]
.fi
.PP
Below,
.I fixed
means that a value cannot change once it is set,
.I output
that Mizar sets it: a manifest may carry it, and the value is ignored.
A
.I name
is a DNS label: lower case letters, digits and \(aq\-\(aq, at most 63 characters.
Text that looks like a number or like true, false or null wants quotes in YAML.'''

END = r'''.SH SEE ALSO
.BR mizar (1)'''


def roff(text):
    """Plain text of the .proto files, which may mark words as Markdown does."""
    text = re.sub(r'\\\|', '|', text.replace('`', ''))
    text = text.replace('\\', '\\e').replace('-', '\\-').replace("'", '\\(aq')
    return '\\&' + text if text.startswith('.') else text


def sentence(text):
    return text if not text or text.endswith('.') else text + '.'


def fields(schema, message, prefix, without=()):
    out = []
    for field in message.fields:
        if field.name in without:
            continue
        path = prefix + field.name + ('[]' if field.repeated and not field.rule.map else '')
        rules = ', '.join(t for t in (type_text(schema, field), rules_text(schema, field)) if t)
        lines = [roff(sentence(field.doc))] if field.doc else []
        if field.type == Field.TYPE_ENUM:
            lines += [f'.IR {roff(text)} :\n{roff(doc)}'
                      for _, text, doc in schema.enums[field.type_name].values if doc]
        out += ['.TP', f'.BR {roff(path)} " ({roff(rules)})"', '\n.br\n'.join(lines) or '\\&']
        if field.type == Field.TYPE_MESSAGE and not field.rule.map:
            out += fields(schema, schema.by_name[field.type_name], path + '.')
    return out


def kind(schema, message):
    names = ', '.join([message.kind.plural, message.name.lower()] + list(message.kind.short))
    where = 'a namespace' if message.kind.namespaced else 'the whole cluster'
    parts = {f.name: schema.by_name[f.type_name] for f in message.fields}
    common = [f.name for f in schema.by_name[f'{PACKAGE}.Status'].fields]
    out = [f'.SH {message.name.upper()}', roff(sentence(message.doc)), f'Belongs to {where}.']
    if message.kind.managed:
        out.append('Made and removed by Mizar; may be read and deleted.')
    out.append(f'On the command line: {roff(names)}.')
    return (out + fields(schema, parts['spec'], 'spec.') +
            fields(schema, parts['status'], 'status.', common))


def main():
    source, path = sys.argv[1:]
    schema = Schema(source)
    out = [INTRO, '.SH ALL OBJECTS']
    out += fields(schema, schema.by_name[f'{PACKAGE}.Metadata'], 'metadata.')
    out += fields(schema, schema.by_name[f'{PACKAGE}.Status'], 'status.')
    for message in schema.kinds():
        out += kind(schema, message)
    with open(path, 'w', encoding='utf-8') as file:
        file.write('\n'.join(out + [END, '']))


if __name__ == '__main__':
    main()
