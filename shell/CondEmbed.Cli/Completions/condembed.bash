# bash completion of condembed: source <(condembed completion bash)
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
complete -F _condembed condembed
