#!/bin/sh
# Sends one token, as docs/tokens.md specifies it: knock.sh FILE [LOSSES [WINDOW]]
# FILE (mode 0600) has one line, HOST PORT KEY PERIOD, as in "web1.example 41873 67FLS4…bRw= 15": copy the numbers and
# the key from what `knockwork export --for NAME` prints on the host. If nothing opens, wait for the next period, then try LOSSES 1, 2 and 3. It needs openssl and nc.
set -eu
read -r host port key period <"$1"
number() { # VALUE BYTES: big-endian, as escapes of printf %b
	left=$2
	while [ "$left" -gt 0 ]; do left=$((left - 1)) && printf '\\0%03o' "$(($1 >> 8 * left & 255))"; done
}
padded() { # BYTE: the key and 32 zeros, each XOR this byte
	for byte in $(printf '%s' "$key" | openssl base64 -d -A | od -An -v -tu1) 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 \
		0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0; do printf '%b' "$(number $((byte ^ $1)) 1)"; done
}
sha256() { openssl dgst -sha256 -binary; }
hmac() { { padded 92; { padded 54; cat; } | sha256; } | sha256; } # by hand: `ps` shows the arguments of openssl
window=${3:-$(($(date +%s) / period))}
message="\\0001$(number $((period * 1000)) 4)$(number "${2:-0}" 4)$(number "$window" 8)"
padding=$(($(od -An -N2 -tu2 /dev/urandom) % 497))
{ printf '%b' "$message" | hmac | dd bs=16 count=1 2>/dev/null; openssl rand "$padding"; } |
	dd obs=1k 2>/dev/null | nc -u -w1 "$host" "$port"
