/// The pages that people read: that they lead somewhere, and still say what is so.
module CondEmbed.Tests.DocsTests

open System
open System.IO
open System.Reflection
open System.Text.RegularExpressions
open Argu
open Expecto
open CondEmbed
open CondEmbed.Options
open CondEmbed.Cli.Arguments
open CondEmbed.Reports
open CondEmbed.Studies
open CondEmbed.Tests.DocsSupport

let private none problems what =
    let listed = problems |> List.distinct |> List.map (fun problem -> "\n  " + problem) |> String.concat ""
    if not (List.isEmpty problems) then failtest $"{what}:{listed}"

let private linkProblem (page: Page) (target: string) =
    let file, anchor =
        match target.Split '#' with
        | [| file; anchor |] -> file, Some anchor
        | _ -> target, None

    let path = if file = "" then page.Path else Path.Combine(Path.GetDirectoryName page.Path, file)
    let there = inRepository path

    if not (File.Exists there || Directory.Exists there) then
        Some $"{page.Path}: {target} is not there"
    else
        match anchor with
        | Some anchor when path.EndsWith ".md" && not (List.contains anchor (anchors (read path))) ->
            Some $"{page.Path}: {target}: no such heading"
        | _ -> None

let private linked =
    test "every link leads to a file or a heading" {
        let links =
            [ for page in allPages.Value do
                  for target in links page -> page, target ]

        Expect.isGreaterThan links.Length 40 "links"

        none
            (links
             |> List.filter (snd >> isElsewhere >> not)
             |> List.choose (fun (page, target) -> linkProblem page target))
            "links"
    }

let private inNavigation =
    test "every page of the site has a title, and a place of its own in the navigation" {
        let pages = sitePages.Value |> List.filter (fun page -> page.Path <> "docs/index.md")

        none
            [ for page in sitePages.Value do
                  if (frontMatter "title" page).IsNone then $"{page.Path}: no title"
              for page in pages do
                  for key in [ "category"; "categoryindex"; "index" ] do
                      if (frontMatter key page).IsNone then $"{page.Path}: no {key}"
              for (category, place), sharing in pages |> List.groupBy (fun page -> frontMatter "category" page, frontMatter "index" page) do
                  if sharing.Length > 1 then
                      let paths = sharing |> List.map _.Path |> String.concat ", "
                      $"{paths}: all are number {Option.get place} of {Option.get category}"
              for category, sharing in pages |> List.groupBy (frontMatter "category") do
                  if (sharing |> List.distinctBy (frontMatter "categoryindex")).Length > 1 then
                      $"{Option.get category}: its pages do not agree on categoryindex" ]
            "navigation"
    }

let private startsWith (part: string list) (lines: string list) = List.truncate part.Length lines = part

let rec private contains part (lines: string list) = startsWith part lines || (not lines.IsEmpty && contains part lines.Tail)

/// The pieces of a quotation; a line of three dots stands for lines that are left out.
let private pieces (lines: string list) =
    let step (line: string) pieces =
        match pieces with
        | _ when line.Trim().TrimStart('/').Trim() = "..." -> [] :: pieces
        | piece :: others -> (line :: piece) :: others
        | [] -> [ [ line ] ]

    List.foldBack step lines [ [] ] |> List.map codeLines |> List.filter (List.isEmpty >> not)

/// The file that the paragraph before a block names last, if the paragraph ends with a colon.
let private quotedFile (page: Page) block =
    match List.tryLast (links { page with Prose = block.Before }) with
    | Some target when block.Before.EndsWith ':' && Path.GetExtension target <> ".md" && not (isElsewhere target) ->
        Some(Path.Combine(Path.GetDirectoryName page.Path, target).Replace('\\', '/'))
    | _ -> None

let private quoted =
    test "code that is said to be a file's is what stands there" {
        let quotations =
            [ for page in allPages.Value do
                  for block in page.Blocks do
                      if List.contains block.Language [ "fsharp"; "csharp"; "toml" ] then
                          match quotedFile page block with
                          | Some file -> page, file, block
                          | None -> () ]

        Expect.isGreaterThan quotations.Length 10 "quotations"

        none
            [ for page, file, block in quotations do
                  if not (File.Exists(inRepository file)) then
                      $"{page.Path}: {file} is not there"
                  else
                      let there = codeLines (List.ofArray (File.ReadAllLines(inRepository file)))

                      for piece in pieces block.Lines do
                          if not (contains piece there) then $"{page.Path}: not in {file}: {piece.Head}" ]
            "quotations"
    }

/// Commands, as `weights inspect`, with their options, below what comes before them.
let rec private commandsOf (before: string list) (parser: ArgumentParser) : (string list * string list) list =
    let names (case: ArgumentCaseInfo) = List.ofSeq case.CommandLineNames.Value

    [ if not before.IsEmpty then before, parser.GetArgumentCases() |> List.collect names
      for below in parser.GetSubCommandParsers() do
          yield! commandsOf (before @ [ (names below.ParentInfo.Value).Head ]) below ]

let private commands = lazy commandsOf [] (ArgumentParser.Create<Command>(programName = "condembed"))

let private isSetting (pair: string) =
    let key = pair.Split('=', '.')[0]
    RunSettings.All |> Seq.exists (fun setting -> setting.Key = key)

/// What a call says that the program does not know.
let private callProblems (call: string list) =
    let call = List.tail call

    let known = commands.Value |> List.filter (fun (path, _) -> startsWith path call)

    match call with
    | word :: _ when word.StartsWith '-' || Char.IsUpper word[0] || word = "..." -> []
    | word :: _ when known.IsEmpty -> [ $"there is no command {word}" ]
    | _ ->
        let _, names = known |> List.maxBy (fun (path, _) -> path.Length)
        let names = "--help" :: names

        [ for word in call do
              let name = word.Trim('[', ']', ',', '.').Split('=')[0]
              if name.StartsWith "--" && name.Length > 2 && not (List.contains name names) then $"there is no option {name}"
          for option, value in List.pairwise call do
              if option = "--set" && Char.IsLower value[0] && not (isSetting value) then $"there is no setting {value}" ]

let private called =
    test "every command, option and setting that a page names is there" {
        let calls =
            [ for page in allPages.Value do
                  for call in calls page -> page, call ]

        Expect.isGreaterThan calls.Length 50 "calls"

        none
            [ for page, call in calls do
                  for problem in callProblems call do
                      let line = String.concat " " call
                      $"{page.Path}: {line}: {problem}" ]
            "calls"
    }

let private checked' =
    test "what is stale is found" {
        let problems (line: string) = callProblems (words line)
        Expect.isEmpty (problems "condembed train photos --encoder small --set loss_settings.alpha=2 # as before --no") "sound"
        Expect.equal (problems "condembed trane photos") [ "there is no command trane" ] "command"
        Expect.equal (problems "condembed train --epoch 3") [ "there is no option --epoch" ] "option"
        Expect.equal (problems "condembed weights inspect --outs x") [ "there is no option --outs" ] "option of a command below a command"
        Expect.equal (problems "condembed train --set per_klass=2") [ "there is no setting per_klass=2" ] "setting"
        Expect.isFalse (contains [ "a"; "c" ] [ "a"; "b"; "c" ]) "lines that do not follow one another"
    }

let private studied =
    test "every study that a page shows can be read" {
        let shown =
            [ for page in allPages.Value do
                  for block in page.Blocks do
                      if block.Language = "toml" && block.Lines |> List.exists _.StartsWith("[arms.") then page, block ]

        Expect.isNonEmpty shown "studies"

        for page, block in shown do
            let plan = StudyFile.Parse(page.Path, String.concat "\n" block.Lines)
            Expect.isGreaterThan plan.Arms.Count 1 page.Path
    }

let private short =
    test "the README can be read in one sitting" {
        let lines = (allPages.Value |> List.find (fun page -> page.Path.TrimStart('/') = "README.md")).Text.Split '\n'
        Expect.isLessThanOrEqual lines.Length 150 "lines"
    }

let private oneRun =
    test "the README's sample output and the page that exports that run have the same numbers" {
        let textOf path = (allPages.Value |> List.find (fun page -> page.Path.TrimStart('/') = path)).Text
        let after metric = Regex.Match(textOf "README.md", $@"(?m)^{metric} +\S+ +(\S+) ").Groups[1].Value

        for metric in [ "Recall@1"; "MAP@R" ] do
            Expect.isNotEmpty (after metric) metric
            Expect.stringContains (textOf "docs/onnx.md") $"int8: {metric} (%%) of the test classes {after metric} -> " metric
    }

/// The packages for C#, each with its types in the namespace of its name or below.
let private namespaces =
    test "docs/packages.md has every namespace, with types that are in it" {
        let exported =
            [ for library in [ ""; ".Common"; ".Images"; ".Search"; ".Onnx"; ".Postgres"; ".Mpi"; ".Extensions.AI" ] do
                  for found in Assembly.Load("CondEmbed" + library).GetExportedTypes() do
                      if found.Namespace.StartsWith "CondEmbed" then found.Namespace, (found.Name.Split '`')[0] ]

        let named (text: string) = [ for word in Regex.Matches(text, "`([A-Za-z.]+)`") -> word.Groups[1].Value ]

        let rows =
            [ for row in Regex.Matches((read "docs/packages.md").Text, @"(?m)^\| (`CondEmbed\.[^|]+) \| ([^|]+) \|$") ->
                  named row.Groups[1].Value, named row.Groups[2].Value ]

        Expect.equal (List.sort (List.collect fst rows)) (exported |> List.map fst |> List.distinct |> List.sort) "namespaces"

        none
            [ for spaces, types in rows do
                  for name in types do
                      let isThere = exported |> List.exists (fun (space, exported) -> exported = name && List.contains space spaces)
                      if not (isThere || name.StartsWith "Microsoft." || name = "Add...") then $"{name} is not in {spaces}" ]
            "types"
    }

let tests =
    testList
        "Docs"
        [ short
          oneRun
          linked
          inNavigation
          quoted
          called
          checked'
          studied
          namespaces
          DocsReferenceTests.tests
          DocsSiteTests.tests ]
