/// All benchmarks, in the order of the table.
module CondEmbed.Benchmarks.Benchmarks

open System
open System.IO.Enumeration
open CondEmbed.Common

let all: Benchmark list =
    List.concat
        [ Steps.benchmarks
          Ranks.benchmarks
          Photographs.benchmarks
          Emoji.benchmarks
          Optimisers.benchmarks
          Losses.benchmarks
          StartUp.benchmarks
          Embedding.benchmarks
          Evaluation.benchmarks
          Search.benchmarks
          Input.benchmarks
          Scaling.benchmarks ]

let private fits (patterns: string list) (name: string) =
    patterns.IsEmpty
    || patterns |> List.exists (fun pattern -> FileSystemName.MatchesSimpleExpression(pattern, name))

/// A run's rows whose name fits a pattern; all without one.
let only patterns (run: Results.Run) = { run with Rows = run.Rows |> Array.filter (fun row -> fits patterns row.Name) }

/// Those whose name fits a pattern such as loss.*; all without one. Error: none does.
let named (patterns: string list) =
    match all |> List.filter (fun benchmark -> fits patterns benchmark.Name) with
    | [] ->
        let names = all |> List.map _.Name |> String.concat ", "
        raise (CondEmbed.Common.InputException $"""No benchmark is named {String.Join(" or ", patterns)}. There are {names}.""")
    | some -> some
