/// Messages of the library name members of C#, those of the program its options.
module CondEmbed.Tests.WordingTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open CondEmbed
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support
open CondEmbed.Common

/// What stands in a text of the library and looks like an option or a command, but is not for people, or is another program's.
let private others =
    [ "--share:" // a style
      "--before:"
      "--after:"
      "--verbosity"
      "TrainingProcess.Run(" // how a study starts the program
      "--set {pair.Key}" // the command that a report shows
      "\"condembed train\""
      "condembed doctor --get" // names both ways itself
      "(or srun with its --mpi)" // another program's
      "dotnet add package" ]

let private option = Regex "\"[^\"]*(--[a-z][a-z-]+|condembed [a-z]+)[^\"]*\""

let private spoken =
    test "no text of the library names an option or a command of the program alone" {
        let folders =
            [ "shell/CondEmbed"
              "shell/CondEmbed.Search"
              "shell/CondEmbed.Mpi"
              "shell/CondEmbed.Onnx"
              "shell/CondEmbed.Postgres"
              "shell/CondEmbed.Extensions.AI"
              "core" ]

        let wrong =
            [ for folder in folders do
                  for file in Directory.EnumerateFiles(Path.Combine(repositoryRoot (), folder), "*.*s", SearchOption.AllDirectories) do
                      let isSource = file.EndsWith ".cs" || file.EndsWith ".fs"
                      let isMade = file.Contains $"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}"

                      if isSource && not isMade then
                          for number, line in Seq.indexed (File.ReadLines file) do
                              let isText = option.IsMatch line && not (line.TrimStart().StartsWith "//")

                              if isText && not (line.Contains "Wording.") && not (others |> List.exists line.Contains) then
                                  $"{file}, line {number + 1}: {line.Trim()}" ]

        Expect.equal wrong [] "say it by Wording.Of or Wording.Setting"
    }

let private settings =
    test "a setting in the words of either" {
        Expect.equal (Wording.Setting "skip_bad") "SkipBad = true" "in the library"
        Expect.equal (Wording.Setting("split", "hash")) "Split = \"hash\"" "a text"
        Expect.equal (Wording.Setting("levels", "1")) "Levels = 1" "a number"

        inFolder (fun folder ->
            for label in [ "a"; "b"; "c"; "d" ] do
                for part in [ "train"; "test" ] do
                    PublishedSupport.draw (Path.Combine(folder, "data", part, label)) [ "1.png"; "2.png" ]

            let outcome = condembed [ "train"; Path.Combine(folder, "data"); "--out"; Path.Combine(folder, "run") ]
            Expect.equal outcome.Code 2 outcome.Everything
            Expect.stringContains outcome.Error "--shared-classes (shared_classes = true in a settings file)" "in the program"
            Expect.isFalse (outcome.Error.Contains "SharedClasses") outcome.Error

            // `pairs` is an option of `evaluate`, and none of `train`.
            let table = Path.Combine(folder, "pairs.csv")
            File.WriteAllText(table, "path_a,path_b,similar\na.png,b.png,1\n")
            let told = (condembed [ "train"; table ]).Error
            Expect.stringContains told $"this table by --set pairs={table}" told)
    }

let tests = testList "Wording" [ spoken; settings ]
