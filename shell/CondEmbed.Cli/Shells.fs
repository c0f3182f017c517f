/// The scripts that make shells ask the program itself how a command line goes on.
module CondEmbed.Cli.Shells

let bash =
    """# bash completion of condembed: source <(condembed completion bash)
_condembed() {
  local line=${COMP_LINE:0:COMP_POINT} words current answer word
  read -ra words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  current=${words[-1]}
  # Bash takes 'batch=32' for three words and wants the last one alone.
  local cut=""
  [[ $current == *=* && $COMP_WORDBREAKS == *=* ]] && cut=${current%=*}=
  COMPREPLY=()
  while IFS= read -r answer; do
    word=${answer%%$'\t'*}
    case $word in
      :files) compopt -o filenames; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -f -- "$current") ;;
      :folders) compopt -o filenames; while IFS= read -r word; do COMPREPLY+=("$word"); done < <(compgen -d -- "$current") ;;
      *) [[ $word == *= ]] && compopt -o nospace; COMPREPLY+=("${word#"$cut"}") ;;
    esac
  done < <("${words[0]}" completion --complete $((${#words[@]} - 2)) "${words[@]:1}" 2>/dev/null)
}
complete -F _condembed condembed"""

let zsh =
    """#compdef condembed
# zsh completion of condembed: source <(condembed completion zsh), or keep this as _condembed in a folder of $fpath
_condembed() {
  local answer word files=0 folders=0
  local -a plain shown open openshown
  for answer in "${(@f)$("${words[1]}" completion --complete $((CURRENT - 2)) "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)}"; do
    word=${answer%%$'\t'*}
    case $answer in
      '') ;;
      :files) files=1 ;;
      :folders) folders=1 ;;
      *=|*=$'\t'*) open+=("$word"); openshown+=("${answer/$'\t'/  -- }") ;;
      *) plain+=("$word"); shown+=("${answer/$'\t'/  -- }") ;;
    esac
  done
  (( $#plain )) && compadd -l -d shown -a plain
  (( $#open )) && compadd -l -S '' -d openshown -a open
  (( files )) && _files
  (( folders )) && _files -/
  return 0
}
if [[ $funcstack[1] == _condembed ]]; then _condembed "$@"; else compdef _condembed condembed; fi"""

let fish =
    """# fish completion of condembed: condembed completion fish | source, or keep this as ~/.config/fish/completions/condembed.fish
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
complete -c condembed -f -a '(__condembed_complete)'"""

let powershell =
    """# PowerShell completion of condembed: condembed completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName condembed -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $words = @($commandAst.CommandElements | Where-Object { $_.Extent.StartOffset -lt $cursorPosition } | ForEach-Object { $_.ToString() })
    $at = if ($wordToComplete -eq '') { $words.Count - 1 } else { $words.Count - 2 }
    $given = @($words | Select-Object -Skip 1)
    & $words[0] completion --complete $at @given 2>$null | ForEach-Object {
        $word, $meaning = $_ -split "`t", 2
        if ($word -in ':files', ':folders') {
            [System.Management.Automation.CompletionCompleters]::CompleteFilename($wordToComplete)
        } else {
            if (-not $meaning) { $meaning = $word }
            $text = if ($word -match '^[\w./=:+-]+$') { $word } else { "'" + $word.Replace("'", "''") + "'" }
            [System.Management.Automation.CompletionResult]::new($text, $word, 'ParameterValue', $meaning)
        }
    }
}"""
