/// The program that reads damaged inputs, as a process: what once failed is read or refused, and what fails is found.
module CondEmbed.Tests.FuzzTests

open System.IO
open System.Text.RegularExpressions
open Expecto
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

let private fuzz arguments = run "CondEmbed.Fuzz.dll" (Path.GetTempPath()) [] arguments

let tests =
    testList
        "Fuzz"
        [ test "every input that once failed is read, or refused as it should be" {
              let corpus = Path.Combine(repositoryRoot (), "tests", "CondEmbed.Fuzz", "corpus")
              let outcome = fuzz [ "--replay"; corpus ]
              Expect.equal outcome.Code 0 outcome.Everything
              Expect.stringContains outcome.Out $"{Directory.GetFiles(corpus).Length} inputs: 0 failures" "all of them"
          }

          test "an exception, a death, a hang and too much memory are told apart, each with its input" {
              inFolder (fun folder ->
                  for word in [ "throws"; "dies"; "eats"; "hangs"; "reads" ] do
                      File.WriteAllText(Path.Combine(folder, $"failing-{word}"), $"it {word}")

                  let outcome = fuzz [ "--replay"; folder ]
                  Expect.equal outcome.Code 1 outcome.Everything

                  for word, kind in [ "throws", "ArgumentException"; "dies", "death"; "eats", "memory"; "hangs", "hang" ] do
                      Expect.isTrue (Regex.IsMatch(outcome.Error, $"FAILED .*failing-{word}: {kind}")) $"{word}: {outcome.Everything}"

                  Expect.stringContains outcome.Out "5 inputs: 4 failures" "no others")
          }

          test "an input that fails is found again from the same seed, kept, and made small" {
              inFolder (fun folder ->
                  let input = Path.Combine(folder, "failing-long")
                  File.WriteAllText(input, String.replicate 50 "a line that is of no use\n" + "it throws" + String.replicate 50 "\nmore")
                  let kept = Path.Combine(folder, "kept")
                  let outcome = fuzz [ "--targets"; "failing"; "--seconds"; "2"; "--seed"; "1"; "--keep"; kept; "--begin"; input ]
                  Expect.equal outcome.Code 1 outcome.Everything
                  let small = [ for file in Directory.GetFiles kept -> File.ReadAllText file ]
                  Expect.contains small "throws" "nothing but what fails")
          }

          test "every target is known to the page of promises" {
              let page = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", "promises.md"))

              for target in (fuzz [ "--list" ]).Out.Split('\n', System.StringSplitOptions.RemoveEmptyEntries) do
                  Expect.stringContains page $"`{target.Trim()}`" "a row of the page"
          } ]
