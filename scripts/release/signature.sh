# Sourced by release.sh and release-verify.sh: signatures by minisign and by openssl (Ed25519), both as distributions have
# them. The file signed is SHA256SUMS: SHA256SUMS.minisig by release.pub, SHA256SUMS.sig (64 bytes) by release.pem.

# Of a file, by what it holds: minisign-secret, minisign-public, openssl-secret, openssl-public or nothing.
key_kind() {
  if grep -q '^-----BEGIN ' "$1" 2> /dev/null; then
    grep -q '^-----BEGIN PUBLIC KEY-----' "$1" && openssl pkey -pubin -in "$1" -noout -text 2> /dev/null |
      grep -q '^ED25519 Public-Key' && echo openssl-public
    grep -q '^-----BEGIN .*PRIVATE KEY-----' "$1" && echo openssl-secret
  else
    case $(sed -n 2p "$1" 2> /dev/null | base64 -d 2> /dev/null | wc -c) in
      42) echo minisign-public ;;
      158) echo minisign-secret ;;
    esac
  fi
  return 0
}

# Will it ask for a password?
key_asks() {
  if grep -q '^-----BEGIN ' "$1"; then grep -q 'ENCRYPTED' "$1"; else [ "$(sed -n 2p "$1" | base64 -d 2> /dev/null | head -c 4 | tail -c 2)" = Sc ]; fi
}

# public_of KIND KEY TO: the public half; asks for the key's password where it has one.
public_of() {
  case $1 in
    minisign-secret) minisign -R -f -s "$2" -p "$3" > /dev/null ;;
    openssl-secret)
      openssl pkey -in "$2" -pubout -out "$3" && [ "$(key_kind "$3")" = openssl-public ]
      ;;
  esac
}

# sign KIND KEY FILE VERSION: writes FILE.minisig or FILE.sig.
sign() {
  case $1 in
    minisign-secret)
      minisign -S -s "$2" -m "$3" -x "$3.minisig" -c "signature of criu-guest $4" -t "criu-guest $4" > /dev/null
      ;;
    openssl-secret) openssl pkeyutl -sign -inkey "$2" -rawin -in "$3" -out "$3.sig" ;;
  esac
}

# signed_by KIND PUBLIC FILE: is FILE's signature of that key? Every bit of the signature counts: of minisign's the first
# line, which it does not look at, and the way in which the rest is written down, too.
signed_by() {
  case $1 in
    minisign-public)
      local lines
      mapfile -t lines < "$3.minisig"
      [ "${#lines[@]}" = 4 ] && [ "$(tail -c 1 "$3.minisig" | od -An -tx1)" = " 0a" ] &&
        [[ ${lines[0]} == "untrusted comment: signature of ${lines[2]#trusted comment: }" ]] &&
        [ "$(base64 -d <<< "${lines[1]}" 2> /dev/null | base64 -w 0)" = "${lines[1]}" ] &&
        [ "$(base64 -d <<< "${lines[3]}" 2> /dev/null | base64 -w 0)" = "${lines[3]}" ] &&
        minisign -V -q -p "$2" -x "$3.minisig" -m "$3" > /dev/null 2>&1
      ;;
    openssl-public)
      openssl pkeyutl -verify -pubin -inkey "$2" -rawin -in "$3" -sigfile "$3.sig" > /dev/null 2>&1
      ;;
    *) return 1 ;;
  esac
}
