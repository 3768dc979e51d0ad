# shellcheck shell=sh
# What the hooks of the gate share. To be sourced.
#
#   PINWATCH         the program (pinwatch)
#   GATE_OPTIONS     a file with further options of `pinwatch pins gate`, a word a line: --releases, the file's name, --max-share, 0.5%, …
#   SERVER_FOLDER    where the server finds privkey.pem and fullchain.pem
#   SERVER_RELOAD    command that makes it read them; none: nothing is run

# gate HOST OPTION...: exit code 0 safe, 1 would lock out, 2 cannot tell
gate() {
    gate_host=$1
    shift
    if [ -n "${GATE_OPTIONS:-}" ]; then
        while IFS= read -r gate_word || [ -n "$gate_word" ]; do
            [ -z "$gate_word" ] || set -- "$@" "$gate_word"
        done < "$GATE_OPTIONS"
    fi
    "${PINWATCH:-pinwatch}" pins gate --host "$gate_host" "$@" >&2
}

# serve KEY FULLCHAIN: both are in place before either name changes
serve() {
    install -m 600 "$1" "$SERVER_FOLDER/privkey.pem.new"
    install -m 644 "$2" "$SERVER_FOLDER/fullchain.pem.new"
    mv "$SERVER_FOLDER/privkey.pem.new" "$SERVER_FOLDER/privkey.pem"
    mv "$SERVER_FOLDER/fullchain.pem.new" "$SERVER_FOLDER/fullchain.pem"
    if [ -n "${SERVER_RELOAD:-}" ]; then
        sh -c "$SERVER_RELOAD"
    fi
}
