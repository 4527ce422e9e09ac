#!/usr/bin/env bash
# Answers one HTTP request on standard input and output, as AWS would: CloudWatch, that took the
# metrics, or EFS, that knows the file system. Writes down what was asked. systemd starts one for
# each connection.
set -euo pipefail
length=0
IFS= read -r request
while IFS= read -r header && [[ ${header%$'\r'} ]]; do
  [[ ${header,,} =~ ^content-length:\ *([0-9]+) ]] && length=${BASH_REMATCH[1]}
done
head -c "$length" >/dev/null
printf '%s\n' "${request%$'\r'}" >>/run/asked
if [[ $request == GET* ]]; then
  answer='{"FileSystems":[{"FileSystemId":"fs-12345678","OwnerId":"123456789012",
    "CreationToken":"efs","CreationTime":1700000000,"LifeCycleState":"available",
    "NumberOfMountTargets":1,"PerformanceMode":"generalPurpose","Tags":[],
    "SizeInBytes":{"Value":327680,"ValueInStandard":327680}}]}'
  type=application/json
else
  answer=$'\xa0' # An empty map, in CBOR.
  type=application/cbor
fi
LC_ALL=C
printf 'HTTP/1.1 200 OK\r\nsmithy-protocol: rpc-v2-cbor\r\ncontent-type: %s\r\n' "$type"
printf 'content-length: %d\r\nconnection: close\r\n\r\n%s' "${#answer}" "$answer"
