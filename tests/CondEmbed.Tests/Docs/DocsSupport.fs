/// Markdown pages of the repository in parts: front matter, headings, links, blocks of code.
module CondEmbed.Tests.DocsSupport

open System
open System.IO
open System.Text.RegularExpressions
open CondEmbed.Tests.Support
open CondEmbed.Reports

/// A block of code: its language, the paragraph before it, its lines.
type Block = { Language: string; Before: string; Lines: string list }

/// A page: its path from the repository's root, its text, and that text without blocks of code.
type Page = { Path: string; Text: string; Prose: string; Blocks: Block list }

/// A path from the root of the repository.
let inRepository (path: string) = Path.Combine(repositoryRoot (), path)

let private isFence (line: string) = line.TrimStart().StartsWith "```"

let private paragraphBefore (lines: string list) =
    lines
    |> List.skipWhile String.IsNullOrWhiteSpace
    |> List.takeWhile (String.IsNullOrWhiteSpace >> not)
    |> List.rev
    |> String.concat " "

/// Prose lines and blocks of a text, by its fences and by lines that are indented by four or more after an empty one.
let private parse (text: string) =
    let rec go prose blocks (before: string list) lines =
        match lines with
        | [] -> List.rev prose, List.rev blocks
        | (line: string) :: rest when isFence line ->
            let inside = rest |> List.takeWhile (isFence >> not)
            let block = { Language = line.Trim().TrimStart '`'; Before = paragraphBefore before; Lines = inside }
            let after = rest |> List.skip (min rest.Length (inside.Length + 1))
            go prose (block :: blocks) [] after
        | line :: _ when line.StartsWith "    " && List.tryHead before |> Option.forall String.IsNullOrWhiteSpace ->
            let isInside (line: string) = line.StartsWith "    " || String.IsNullOrWhiteSpace line
            let inside = lines |> List.takeWhile isInside
            let block = { Language = ""; Before = paragraphBefore before; Lines = inside |> List.map _.Trim() }
            go prose (block :: blocks) [ "" ] (List.skip inside.Length lines)
        | line :: rest -> go (line :: prose) blocks (line :: before) rest

    go [] [] [] (List.ofArray (text.Split '\n'))

let read (path: string) =
    let text = File.ReadAllText(inRepository path).ReplaceLineEndings "\n"
    let prose, blocks = parse text

    { Path = path; Text = text; Prose = String.concat "\n" prose; Blocks = blocks }

let private pagesIn folder =
    [ for file in Directory.GetFiles(inRepository folder, "*.md") -> Path.Combine(folder, Path.GetFileName file).Replace('\\', '/') ]

/// The pages of the site.
let sitePages = lazy [ for path in List.sort (pagesIn "docs") -> read path ]

/// Every page that people read.
let allPages =
    lazy
        [ for folder in
              [ ""
                "core"
                yield! [ for d in Directory.GetDirectories(inRepository "shell") -> "shell/" + Path.GetFileName d ] ] do
              for path in pagesIn folder -> read path
          yield! sitePages.Value ]

/// The value of a key of the front matter, if it is there.
let frontMatter key page =
    let found = Regex.Match(page.Text, $@"\A---\n(?:[^\n]*\n)*?{Regex.Escape key}: *([^\n]+)\n(?:[^\n]*\n)*?---\n")
    if found.Success then Some(found.Groups[1].Value.Trim()) else None

/// Targets of all links and images in a page's prose.
let links page = [ for found in Regex.Matches(page.Prose, @"\]\(([^()\s]+)\)") -> found.Groups[1].Value ]

let isElsewhere (target: string) = Regex.IsMatch(target, @"^[a-z]+:")

/// The anchors of a page's headings: lower-case words joined by hyphens.
let anchors page =
    [ for found in Regex.Matches(page.Prose, @"^#{1,6} +(.+)$", RegexOptions.Multiline) ->
          Regex.Replace(found.Groups[1].Value.Trim().ToLowerInvariant(), @"[^\w\- ]", "").Replace(' ', '-') ]

/// Lines that are code: without blank lines, whole-line comments and literate text, and without indentation.
let codeLines (lines: string list) =
    let rec go inText kept lines =
        match lines with
        | [] -> List.rev kept
        | (line: string) :: rest ->
            let line = line.Trim()

            if inText then go (not (line.EndsWith "*)")) kept rest
            elif line.StartsWith "(**" then go (not (line.EndsWith "*)")) kept rest
            elif line = "" || line.StartsWith "//" then go false kept rest
            else go false (line :: kept) rest

    go false [] lines

/// The words of a command line up to a comment, a pipe or another command; quotes keep words together.
let words (line: string) =
    [ for found in Regex.Matches(Regex.Split(line, @"\s(?:#|\||>|<|&&|;)")[0], @"'([^']*)'|""([^""]*)""|(\S+)") ->
          found.Groups[1].Value + found.Groups[2].Value + found.Groups[3].Value ]

/// Every call of the program in a page: in blocks of commands, and in the middle of a sentence.
let calls page =
    let isCommands block = List.contains block.Language [ ""; "bash"; "sh"; "console" ]
    let start = "condembed "

    [ for block in page.Blocks do
          if isCommands block then
              for line in String.concat "\n" block.Lines |> _.Replace("\\\n", " ").Split('\n') do
                  let line = line.Trim().TrimStart('$').Trim()
                  if line.StartsWith start then words line
      for found in Regex.Matches(page.Prose, $@"`({start}[^`]+)`") do
          words found.Groups[1].Value ]
