#!/usr/bin/env bash
# Builds the pages of docs/, the tutorials and the reference into output/, a folder that opens from anywhere, by itself. Before it: dotnet build -c Release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
root=/condembed-docs/
rm -rf output
# The reference of a C# assembly needs what its signatures name; this one has all of it beside itself.
references=$(printf ' -r:%s' "$PWD"/shell/CondEmbed.Extensions.AI/bin/Release/net10.0/Microsoft.Extensions.*.dll)
# It says much that means nothing here; what it said is shown where it fails.
said=$(mktemp)
trap 'rm -f "$said"' EXIT
dotnet fsdocs build --fscoptions "$references" --properties Configuration=Release --nodefaultcontent --ignoreuncategorized --parameters root "$root" "$@" >"$said" 2>&1 || { tail -n 40 "$said"; exit 1; }
# fsdocs writes links from the root of a server: they become relative. Files of the repository that pages name come along, in source/.
perl -pi -e "s|(=[\"'])$root|\$1./|g; s|(=[\"'])\.\./|\$1source/|g" output/*.html
perl -pi -e "s|(=[\"'])$root|\$1../|g" output/*/*.html
# Anchors within a page are small letters in Markdown, and keep the capitals of their headings here.
perl -0pi -e 'my %name = map { lc $_ => $_ } /<a name="([^"]*)" class="anchor"/g; s{href="#([^"]*)"}{q{href="#} . ($name{lc $1} // $1) . q{"}}ge' output/*.html
# Of delegates, and of types whose attributes name types, fsdocs makes no pages; nor should a link lead there.
perl -0pi -e 's{<a href="\.\./(reference/[^"#]*)[^>]*>(.*?)</a>}{-e "output/$1" ? $& : $2}ges' output/*/*.html
perl -pi -e "s|\"uri\":\"$root|\"uri\":\"|g" output/index.json
# The search box reads it as a script, which a browser also runs of a page that was opened from a disk.
{ printf 'window.condembedPages = '; cat output/index.json; } > output/index.js
# The title of a script stands in its front matter alone.
perl -0pi -e 's{<title>([^|<]*) \|.*?<main>}{$&\n    <h1>$1</h1>}s' output/tutorials/*.html
mkdir -p output/source
perl -ne 'print "$1\n" while /=["\x27]source\/([^"\x27#]+)/g' output/*.html | sort -u | xargs git ls-files -co --exclude-standard -- | tar -cf - -T - | tar -xf - -C output/source
# Made of links from the root, too.
rm -f output/llms*.txt
echo "the pages are in output; open output/index.html"
