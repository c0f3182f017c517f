/// The pages as fsdocs made them, where they were made: tools/docs.sh.
module CondEmbed.Tests.DocsSiteTests

open System
open System.IO
open System.Net
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Tests.DocsSupport
open CondEmbed.Reports

type private Html = { File: string; Text: string; Anchors: Set<string> }

let private siteRoot () =
    let folder = inRepository "output"

    if File.Exists(Path.Combine(folder, "index.html")) then
        folder
    else
        skiptest "output/ is not built: tools/docs.sh builds it, after dotnet build -c Release"

let private attributes (names: string) (text: string) =
    [ for found in Regex.Matches(text, $"""(?:{names})=(?:"([^"]*)"|'([^']*)')""") ->
          WebUtility.HtmlDecode(found.Groups[1].Value + found.Groups[2].Value) ]

let private site =
    lazy
        (let root = siteRoot ()

         [ for file in Directory.GetFiles(root, "*.html", SearchOption.AllDirectories) do
               let text = File.ReadAllText file

               { File = Path.GetFullPath file; Text = text; Anchors = set (attributes "id|name" text) } ])

let private targetProblem (files: Map<string, Html>) (page: Html) (target: string) =
    let path, anchor =
        match target.Split('#', 2) with
        | [| path; anchor |] -> path, Uri.UnescapeDataString anchor
        | _ -> target, ""

    let file =
        if path = "" then
            page.File
        else
            Path.GetFullPath(Path.Combine(Path.GetDirectoryName page.File, Uri.UnescapeDataString path))

    match Map.tryFind file files with
    | Some html when anchor = "" || html.Anchors.Contains anchor -> None
    | Some _ -> Some "no such anchor"
    | None when File.Exists file || Directory.Exists file -> None
    | None -> Some "is not there"

let private short (page: Html) = Path.GetRelativePath(siteRoot (), page.File)

let private leads =
    test "every link of the site leads somewhere" {
        let files = Map [ for page in site.Value -> page.File, page ]

        let dead =
            [ for page in site.Value do
                  for target in attributes "href|src" page.Text |> List.distinct do
                      if not (isElsewhere target || target.StartsWith "//") then
                          match targetProblem files page target with
                          | Some problem -> $"{short page}: {target}: {problem}"
                          | None -> () ]

        Expect.equal (List.truncate 40 dead) [] $"{dead.Length} dead links"
    }

/// What a browser fetches by itself when it shows a page, or reads a style or script.
let private fetched (text: string) =
    List.distinct
        [ for pattern in
              [ """<(?:script|img|iframe|source|video|audio)\b[^>]*?\bsrc=["']([^"']+)"""
                """<link\b[^>]*?\bhref=["']([^"']+)"""
                """url\(["']?([^"')]+)"""
                """\b(?:import|fetch)\b[^;\n]*?["']([^"']+)["']""" ] do
              for found in Regex.Matches(text, pattern) -> found.Groups[1].Value ]

let private isOutside (target: string) = target.StartsWith "//" || (isElsewhere target && not (target.StartsWith "data:"))

let private alone =
    test "nothing is fetched from another host" {
        let root = siteRoot ()

        let parts =
            [ for pattern in [ "*.css"; "*.js" ] do
                  for file in Directory.GetFiles(root, pattern, SearchOption.AllDirectories) -> Path.GetFileName file, File.ReadAllText file
              for page in site.Value -> short page, page.Text ]

        let outside =
            [ for name, text in parts do
                  for target in fetched text |> List.filter isOutside -> $"{name}: {target}" ]

        Expect.isEmpty outside "hosts"

        Expect.equal
            (fetched "@import 'https://a/b.css'; <img src=\"x.png\">" |> List.filter isOutside)
            [ "https://a/b.css" ]
            "one would be seen"
    }

let private complete =
    test "every page is there, and every page leads to it" {
        let root = siteRoot ()
        let menu = attributes "href" (site.Value |> List.find (fun page -> short page = "index.html")).Text |> set

        for page in sitePages.Value do
            let name = Path.GetFileNameWithoutExtension page.Path + ".html"
            Expect.isTrue (File.Exists(Path.Combine(root, name))) $"{name} is made; built before it was written? run tools/docs.sh"
            Expect.isTrue (menu.Contains("./" + name)) $"{name} is in the navigation"

        for script in Directory.GetFiles(inRepository "core/scripts", "*.fsx") do
            let name = Path.GetFileNameWithoutExtension script + ".html"
            Expect.isTrue (File.Exists(Path.Combine(root, "tutorials", name))) $"tutorials/{name} is made"
    }

/// What fsdocs cannot read: delegates, and types with an attribute that names a type.
let private isUnread (kind: Type) =
    typeof<Delegate>.IsAssignableFrom kind
    || kind.GetCustomAttributesData()
       |> Seq.exists (fun one -> one.ConstructorArguments |> Seq.exists (fun given -> given.ArgumentType = typeof<Type>))

let private types =
    test "every public type has a page" {
        let root = Path.Combine(siteRoot (), "reference")

        // As fsdocs names them: lower-case, with a hyphen for whatever is no letter or digit.
        let pageOf (kind: Type) = Regex.Replace(kind.FullName.ToLowerInvariant(), "[^a-z0-9]+", "-") + ".html"

        let missing =
            [ for package in DocsReferenceTests.packages do
                  for kind in DocsReferenceTests.publicTypes package do
                      if not (isUnread kind || File.Exists(Path.Combine(root, pageOf kind))) then pageOf kind ]

        Expect.equal missing [] "pages; if output/ is older than the types, run tools/docs.sh again"
    }

let tests = testList "site" [ leads; alone; complete; types ]
