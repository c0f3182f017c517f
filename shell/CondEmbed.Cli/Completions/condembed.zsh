#compdef condembed
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
if [[ $funcstack[1] == _condembed ]]; then _condembed "$@"; else compdef _condembed condembed; fi
