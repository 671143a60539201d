# Completion of millrace(1) for fish. Words only: nothing is started and nobody is asked while somebody types.

# The words after `millrace ctl`, without the options that may stand before the command.
function __millrace_ctl_words
    set -l skip 0
    for word in (commandline -opc)[3..-1]
        if test $skip = 1
            set skip 0
        else if contains -- $word --socket --url --token-file
            set skip 1
        else if test $word != --json
            echo $word
        end
    end
end

# True where these, and no others, are the words after `millrace ctl`.
function __millrace_ctl_at
    __fish_seen_subcommand_from ctl; or return 1
    set -l words (__millrace_ctl_words)
    test "$words" = "$argv"
end

# True where the first word after `millrace ctl` is one of these and so many words stand there.
function __millrace_ctl_count
    __fish_seen_subcommand_from ctl; or return 1
    set -l words (__millrace_ctl_words)
    test (count $words) = $argv[1]; and test "$words[1]" = $argv[2]
end

# True behind `millrace COMMAND`.
function __millrace_command
    set -l words (commandline -opc)
    test (count $words) -ge 2; and contains -- $words[2] $argv
end

complete -c millrace -f
complete -c millrace -n __fish_use_subcommand -a run -d 'The proxy, in the foreground'
complete -c millrace -n __fish_use_subcommand -a check -d 'Validate a configuration'
complete -c millrace -n __fish_use_subcommand -a ctl -d 'Ask a running proxy, and change it'
complete -c millrace -n __fish_use_subcommand -a top -d 'Live figures in a terminal'
complete -c millrace -n __fish_use_subcommand -a demo -d 'A proxy with upstreams and load of its own'
complete -c millrace -n __fish_use_subcommand -a schema -d 'JSON Schema of the configuration'
complete -c millrace -n __fish_use_subcommand -a doctor -d 'Look at this machine, and say what to change'
complete -c millrace -n __fish_use_subcommand -a health -d 'Is the running instance ready?'
complete -c millrace -n __fish_use_subcommand -a version -d 'Version, compiler, engines'
complete -c millrace -n __fish_use_subcommand -l version -d 'Print the version'
complete -c millrace -l help -d 'Print help'

complete -c millrace -n '__millrace_command run check health' -s c -l config -r -F -d 'Configuration file'
complete -c millrace -n '__millrace_command check' -l effective -d 'Print it with all defaults'
complete -c millrace -n '__millrace_command health' -l address -x -a 127.0.0.1:9464 -d 'Ask here'
complete -c millrace -n '__millrace_command doctor version' -l json -d 'For programs'
complete -c millrace -n '__millrace_command demo' -l seconds -x -d 'How long'
complete -c millrace -n '__millrace_command demo' -l transport -x -a 'auto epoll io_uring' -d Engine
complete -c millrace -n '__millrace_command demo' -l hold -d 'Keep the proxy up'
complete -c millrace -n '__millrace_command top' -l url -x -a http://127.0.0.1:9464 -d 'Metrics port'
complete -c millrace -n '__millrace_command top' -l socket -r -F -d 'Ask the admin API at its socket'
complete -c millrace -n '__millrace_command top' -l token-file -r -F -d 'Ask the admin API at the URL'
complete -c millrace -n '__millrace_command top' -l interval -x -d 'Seconds between questions'

complete -c millrace -n '__millrace_ctl_at' -l socket -r -F -d 'UNIX socket of the admin API'
complete -c millrace -n '__millrace_ctl_at' -l url -x -d 'Admin API over TCP'
complete -c millrace -n '__millrace_ctl_at' -l token-file -r -F -d 'File with the bearer token'
complete -c millrace -n '__millrace_ctl_at' -l json -d 'JSON instead of a table'
complete -c millrace -n '__millrace_ctl_at' -a 'status config listeners upstreams endpoints endpoint sessions session pools workers reload drain log-level'
complete -c millrace -n '__millrace_ctl_at config' -a 'show diff'
complete -c millrace -n '__millrace_ctl_at config diff' -F
complete -c millrace -n '__millrace_ctl_count 3 endpoint' -a 'ready drain maintenance weight'
complete -c millrace -n '__millrace_ctl_at session' -a 'show end'
complete -c millrace -n '__millrace_ctl_at sessions' -a end
for option in listener upstream endpoint client limit
    complete -c millrace -n '__millrace_command ctl; and contains -- sessions (__millrace_ctl_words)' -l $option -x
end
complete -c millrace -n '__millrace_command ctl; and contains -- sessions (__millrace_ctl_words)' -l all -d 'All of them'
complete -c millrace -n '__millrace_ctl_at reload' -l keep-overrides -d 'Keep what ctl changed'
complete -c millrace -n '__millrace_ctl_at drain' -l for -x -d Deadline
complete -c millrace -n '__millrace_ctl_at log-level' -a 'debug info warning error'
