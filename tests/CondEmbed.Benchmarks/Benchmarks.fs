/// All benchmarks, in the order of the table.
module CondEmbed.Benchmarks.Benchmarks

open System
open System.IO.Enumeration

let all: Benchmark list =
    List.concat
        [ Steps.benchmarks
          Optimisers.benchmarks
          Losses.benchmarks
          StartUp.benchmarks
          Embedding.benchmarks
          Evaluation.benchmarks
          Search.benchmarks
          Input.benchmarks
          Scaling.benchmarks ]

/// Those whose name fits a pattern such as loss.*; all without one. Error: none does.
let named (patterns: string list) =
    let fits (benchmark: Benchmark) =
        patterns.IsEmpty
        || patterns
           |> List.exists (fun pattern -> FileSystemName.MatchesSimpleExpression(pattern, benchmark.Name))

    match List.filter fits all with
    | [] ->
        let names = all |> List.map _.Name |> String.concat ", "
        raise (CondEmbed.InputException $"""No benchmark is named {String.Join(" or ", patterns)}. There are {names}.""")
    | some -> some
