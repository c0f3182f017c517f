/// What shells offer: by the program itself, and by the shells that are here.
module CondEmbed.Tests.CliCompletionTests

open System
open System.Diagnostics
open System.IO
open Argu
open Expecto
open CondEmbed.Options
open CondEmbed.Cli
open CondEmbed.Cli.Arguments
open CondEmbed.Interop
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

let private root = lazy (ArgumentParser.Create<Command>(programName = "condembed") :> ArgumentParser)

let private offers before current = Completion.offers root.Value before current

let private words before current =
    [ for offer in offers before current do
          match offer with
          | Completion.Word(word, _) -> word
          | _ -> () ]

let private answers =
    testList
        "answers"
        [ test "every command, and what each has" {
              let commands = words [] ""
              Expect.containsAll commands (List.ofSeq examples.Keys) "commands"

              for command in examples.Keys do
                  Expect.contains (words [ command ] "--") "--quiet" command

              for command in [ "train"; "weights" ] do
                  let help = succeeds [ command; "--help" ]

                  for word in words [ command ] "--" do
                      Expect.stringContains help word $"{command} {word}"

              Expect.equal (words [] "tr") [ "train" ] "by what was typed"
              Expect.equal (words [ "weights" ] "i" |> List.filter (fun word -> word[0] = 'i')) [ "inspect"; "import" ] "of a group"
              Expect.contains (words [ "data"; "inspect" ] "--") "--layout" "below a group"
          }

          test "options with choices, and settings with theirs" {
              Expect.equal (words [ "train"; "--encoder" ] "") (List.ofSeq CoreSettings.Encoders) "encoders"
              Expect.equal (words [ "train"; "--layout" ] "c") [ "cub"; "cars" ] "layouts"
              Expect.contains (words [ "train"; "--loss" ] "") "proxy-anchor" "losses"
              Expect.equal (words [ "embed"; "--device" ] "c") [ "cpu"; "cuda" ] "devices, of any command"
              Expect.equal (words [ "train"; "--set" ] "level_q") [ "level_query=" ] "a key"

              Expect.equal
                  (words [ "train"; "--set" ] "level_query=")
                  [ for choice in [ "previous"; "unconditional"; "own"; "shuffled" ] -> $"level_query={choice}" ]
                  "its choices"

              Expect.equal (words [ "train"; "--set" ] "head_norm=") [ "head_norm=true"; "head_norm=false" ] "true or false"
              Expect.hasLength (words [ "train"; "--set" ] "" |> List.filter _.EndsWith('=')) RunSettings.All.Count "all keys"
              Expect.equal (words [ "completion" ] "") [ "bash"; "zsh"; "fish"; "powershell" ] "shells"
          }

          test "an option that can be given once is offered once" {
              Expect.contains (words [ "train" ] "--l") "--levels" "before"
              Expect.isFalse (words [ "train"; "--levels"; "0" ] "--l" |> List.contains "--levels") "after"
              Expect.contains (words [ "train"; "--set"; "lr=1" ] "--s") "--set" "that can be given often"
          }

          test "files, folders and runs where they are meant" {
              Expect.equal (offers [ "train"; "--config" ] "") [ Completion.Files ] "a file"
              Expect.equal (offers [ "train"; "--out" ] "") [ Completion.Folders ] "a folder"
              Expect.equal (offers [ "train"; "--steps" ] "") [] "a number is for the user to say"
              Expect.contains (offers [ "train" ] "") Completion.Files "data"

              inFolder (fun folder ->
                  for run in [ "a"; "b" ] do
                      Directory.CreateDirectory(Path.Combine(folder, "runs", run)) |> ignore

                  File.WriteAllText(Path.Combine(folder, "runs", "b", "config.toml"), "")
                  let outcome = condembedIn folder [ "completion"; "--complete"; "2"; "train"; "--resume" ]
                  Expect.equal outcome.Out "runs/b\n:folders\n" "runs")
          } ]

/// Runs a shell whose PATH has the program under its name, in a folder with a file.
let private inShell shell (arguments: string list) =
    let onPath =
        (string (Environment.GetEnvironmentVariable "PATH")).Split(Path.PathSeparator)
        |> Array.exists (fun folder -> File.Exists(Path.Combine(folder, shell)))

    if not onPath then skiptest $"there is no {shell} here (Debian has bash, zsh and fish)"

    inFolder (fun folder ->
        let program = Path.Combine(folder, "condembed")
        let assembly = Path.Combine(AppContext.BaseDirectory, "CondEmbed.Cli.dll")
        File.WriteAllText(program, $"#!/bin/sh\nexec dotnet '{assembly}' \"$@\"\n")
        File.SetUnixFileMode(program, UnixFileMode.UserRead ||| UnixFileMode.UserExecute)
        File.WriteAllText(Path.Combine(folder, "mine.toml"), "")

        let info =
            ProcessStartInfo(shell, arguments, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder)

        info.Environment["PATH"] <- folder + string Path.PathSeparator + info.Environment["PATH"]
        use child = Process.Start info
        let error = child.StandardError.ReadToEndAsync()
        let out = child.StandardOutput.ReadToEnd()
        child.WaitForExit()
        Expect.equal (child.ExitCode, error.Result) (0, "") out
        out.Split('\n', StringSplitOptions.RemoveEmptyEntries) |> List.ofArray)

let private lines =
    [ "condembed train --enc", [ "--encoder" ]
      "condembed train --encoder vit-b", [ "vit-b16"; "vit-b16-dino" ]
      "condembed train --config mi", [ "mine.toml" ] ]

let private shells =
    testList
        "shells"
        [ test "bash" {
              let ask (line: string) =
                  $"COMP_LINE='{line}' COMP_POINT={line.Length}; _condembed 2>/dev/null; printf '%%s\\n' \"${{COMPREPLY[@]}}\" --"

              let asked = [ for line, _ in lines -> ask line ] @ [ ask "condembed train --set level_query=u" ]
              let script = "source <(condembed completion bash)\n" + String.concat "\n" asked

              Expect.equal
                  (inShell "bash" [ "-c"; script ])
                  [ for _, words in lines do
                        yield! words
                        "--"
                    // Bash takes the '=' for an end of a word.
                    "unconditional"
                    "--" ]
                  "offered"
          }

          test "zsh" {
              let ask (line: string) =
                  let words = line.Split ' '
                  $"words=({line}); CURRENT={words.Length}; PREFIX='{Array.last words}'; _condembed; print -- --"

              let stubs =
                  "compdef() { }\n_files() { print -l -- mi*(N) }\ncompadd() { [[ $argv[1] == -l ]] && print -l -- \"${(@P)argv[-1]}\" }\n"

              let script =
                  stubs
                  + "source <(condembed completion zsh)\n"
                  + String.concat "\n" [ for line, _ in lines -> ask line ]

              Expect.equal
                  (inShell "zsh" [ "-f"; "-c"; script ])
                  [ for _, words in lines do
                        yield! words
                        "--" ]
                  "offered"
          }

          test "fish" {
              let script =
                  "condembed completion fish | source\n"
                  + String.concat "\n" [ for line, _ in lines -> $"complete -C '{line}'; printf '%%s\\n' --" ]

              Expect.equal
                  [ for line in inShell "fish" [ "--no-config"; "-c"; script ] -> line.Split('\t')[0] ]
                  [ for _, words in lines do
                        yield! words
                        "--" ]
                  "offered"
          }

          test "PowerShell" {
              let script =
                  "condembed completion powershell | Out-String | Invoke-Expression\n"
                  + String.concat
                      "\n"
                      [ for line, _ in lines ->
                            $"(TabExpansion2 '{line}' {line.Length}).CompletionMatches | ForEach-Object {{ Split-Path -Leaf $_.CompletionText }}; '--'" ]

              Expect.equal
                  (inShell "pwsh" [ "-NoProfile"; "-Command"; script ])
                  [ for _, words in lines do
                        yield! words
                        "--" ]
                  "offered"
          } ]

let tests = testList "completion" [ answers; shells ]
