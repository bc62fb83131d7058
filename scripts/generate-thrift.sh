#!/bin/sh
# osquery.thrift -> extension/sdk/thrift/gen/ (committed; CI runs this and compares).
# Needs the Apache Thrift compiler 0.17 (Debian and Ubuntu: thrift-compiler).
set -eu
cd "$(dirname "$0")/../extension/sdk/thrift"

wanted='Thrift version 0.17.0'
found=$(thrift --version 2>&1 || true)
if [ "$found" != "$wanted" ]; then
  echo "generate-thrift: needs '$wanted', found '$found'" >&2
  exit 1
fi

rm -rf gen
mkdir gen
# The repository is "type": "module", the compiler writes CommonJS.
echo '{ "type": "commonjs" }' >gen/package.json
thrift --gen js:node,ts,es6 -out gen osquery.thrift

# Of npm's thrift only the constants and exceptions are needed: its index also loads an HTTP, a
# WebSocket and a browser stack. The compiler repeats `case 0:`, which bundlers warn of.
for file in gen/*.js; do
  sed -i \
    -e "s#^const thrift = require('thrift');#const thrift = { Thrift: require('thrift/lib/nodejs/lib/thrift/thrift') };#" \
    -e "/^const Int64 = require('node-int64');/d" \
    -e '/^        case 0:$/{N;/\n          input\.skip(ftype);$/{N;d}}' \
    "$file"
done
