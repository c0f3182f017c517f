# fish completion of condembed: condembed completion fish | source, or keep this as ~/.config/fish/completions/condembed.fish
function __condembed_complete
    set -l before (commandline -opc)
    set -l current (commandline -ct)
    for answer in ($before[1] completion --complete (math (count $before) - 1) $before[2..-1] "$current" 2>/dev/null)
        switch $answer
            case ':files'
                __fish_complete_path "$current"
            case ':folders'
                __fish_complete_directories "$current" ''
            case '*'
                printf '%s\n' $answer
        end
    end
end
complete -c condembed -f -a '(__condembed_complete)'
