#!/bin/sh
# Sells a product to a user and waits until it is delivered. $1 is the Gateway's URL; OPERATOR_PASSWORD puts the product up for sale, and takes it off again.
set -eu
gateway=$1
run=$(date +%s)-$$

# method, path, token, body: the answer, or the reason why there is none.
call() {
  curl -sS --fail-with-body --max-time 30 -X "$1" "$gateway$2" -H "Authorization: Bearer $3" -H 'Content-Type: application/json' -d "$4" || {
    echo " <- $1 $2" >&2
    return 1
  }
}

# A text of a JSON object, by name. Without one there is no answer, and nothing to go on with.
field() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | grep .; }

sign_in() { call POST /v2/sessions '' "{\"email\":\"$1\",\"password\":\"$2\"}" | field token; }

operator=$(sign_in operator@lavka.example "$OPERATOR_PASSWORD")
product=$(call POST /v2/products "$operator" "{\"name\":\"Samovar $run\",\"price\":129.90,\"stock\":1}" | field id)
trap 'call DELETE "/v2/products/$product" "$operator" "" > /dev/null' EXIT

email=test-$run@lavka.example
call POST /v2/users '' "{\"email\":\"$email\",\"name\":\"Test\",\"password\":\"correct horse\"}" > /dev/null
customer=$(sign_in "$email" 'correct horse')
order=$(call POST /v2/orders "$customer" "{\"items\":[{\"productId\":\"$product\",\"quantity\":1}]}" | field id)

for _ in $(seq 60); do
  status=$(call GET "/v2/orders/$order" "$customer" '' | field status)
  echo "order $order: $status"
  case $status in
    delivered) exit 0 ;;
    cancelled | returned) exit 1 ;;
  esac
  sleep 1
done

echo "After a minute it is not delivered." >&2
exit 1
