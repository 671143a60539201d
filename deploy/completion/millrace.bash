# Completion of millrace(1) for bash. Words only: nothing is started and nobody is asked while somebody types.
# shellcheck shell=bash

_millrace_ctl() {
    local current=$1 previous=$2
    shift 2 # What is left are the words between `ctl` and the cursor.
    case $previous in
    --socket | --token-file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    --url) mapfile -t COMPREPLY < <(compgen -W 'http://127.0.0.1:' -- "$current"); return ;;
    --listener | --upstream | --endpoint | --client | --limit | --for) return ;;
    esac
    local words=() word skip=no
    for word in "$@"; do
        if [[ $skip == yes ]]; then
            skip=no
        elif [[ $word == --socket || $word == --url || $word == --token-file ]]; then
            skip=yes
        elif [[ $word != --json ]]; then
            words+=("$word")
        fi
    done
    local options='--socket --url --token-file --json --help' offer=''
    case "${words[*]}" in
    '') offer="status config listeners upstreams endpoints endpoint sessions session pools workers reload drain log-level $options" ;;
    config) offer='show diff' ;;
    'config diff') mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
    'endpoint '*' weight') offer='default' ;;
    endpoint*) [[ ${#words[@]} -eq 3 ]] && offer='ready drain maintenance weight' ;;
    session) offer='show end' ;;
    sessions) offer='end --listener --upstream --endpoint --client --limit --all' ;;
    'sessions end'*) offer='--upstream --endpoint' ;;
    sessions*) offer='--listener --upstream --endpoint --client --limit --all' ;;
    reload) offer='--keep-overrides' ;;
    drain) offer='--for' ;;
    log-level) offer='debug info warning error' ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$current")
}

_millrace() {
    COMPREPLY=()
    # Not COMP_WORDS: readline breaks words at the colon of an address, and `10.0.0.7:80` is one word to us.
    local line=${COMP_LINE:0:COMP_POINT} words current previous
    read -r -a words <<<"$line"
    [[ $line == *' ' ]] && words+=('')
    current=${words[-1]}
    previous=${words[-2]:-}
    # What readline will replace begins behind the last colon.
    local kept=''
    [[ $current == *:* && ${COMP_WORDBREAKS-:} == *:* ]] && kept=${current%"${current##*:}"}
    if [[ ${#words[@]} -le 2 ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'run check ctl top demo schema doctor health version --help --version' -- "$current")
        return
    fi
    local offer=''
    case ${words[1]} in
    ctl) _millrace_ctl "$current" "$previous" "${words[@]:2:${#words[@]}-3}" ;;
    *)
        case $previous in
        -c | --config | --socket | --token-file) mapfile -t COMPREPLY < <(compgen -f -- "$current"); return ;;
        --transport) offer='auto epoll io_uring' ;;
        --url) offer='http://127.0.0.1:9464' ;;
        --address) offer='127.0.0.1:9464' ;;
        --seconds | --interval) ;;
        *)
            case ${words[1]} in
            run) offer='-c --config --help' ;;
            check) offer='-c --config --effective --help' ;;
            top) offer='--url --socket --token-file --interval --help' ;;
            demo) offer='--seconds --transport --hold --help' ;;
            health) offer='-c --config --address --help' ;;
            doctor | version) offer='--json --help' ;;
            schema) offer='--help' ;;
            esac
            ;;
        esac
        mapfile -t COMPREPLY < <(compgen -W "$offer" -- "$current")
        ;;
    esac
    COMPREPLY=("${COMPREPLY[@]#"$kept"}")
}

complete -o filenames -F _millrace millrace
