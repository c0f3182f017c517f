/// Reads damaged and malicious inputs of every kind that the library reads, and tells of each that is neither read nor refused with an InputException.
module CondEmbed.Fuzz.Program

open System
open System.IO
open Argu

type Arguments =
    | Seconds of float
    | Targets of string
    | Seed of int
    | Keep of folder: string
    | Begin of path: string
    | Replay of path: string
    | [<CustomCommandLine "--list">] Names
    | [<Hidden; CustomCommandLine "--worker">] As of target: string
    | [<Hidden>] Folder of string
    | [<Hidden>] Inputs of string list

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Seconds _ -> "seconds for each target; 10 if left out"
            | Targets _ -> "only these targets, separated by commas"
            | Seed _ -> "what all changes follow from; another one each time if left out"
            | Keep _ -> "a folder for the inputs that fail, each made small"
            | Begin _ -> "a file, or a folder of files, to begin with besides the own ones"
            | Replay _ -> "reads an input that was kept, or all of a folder: the names begin with that of the target and '-'"
            | Names -> "names the targets"
            | As _
            | Folder _
            | Inputs _ -> "for the processes that this program starts"

let private all = DataTargets.targets @ NetworkTargets.targets @ RunTargets.targets

/// A reader that fails in every way, for the test of this program.
let private failing =
    Target.ofFile "failing" "input" (fun _ -> [ Target.ofText "a reader that could throw, die or eat" ]) (fun path ->
        let text = File.ReadAllText path

        if text.Contains "throws" then invalidArg "path" "thrown"
        if text.Contains "dies" then Environment.FailFast "died"
        if text.Contains "eats" then GC.KeepAlive(Array.zeroCreate<byte>(400 <<< 20))

        while text.Contains "hangs" do
            Threading.Thread.Sleep 10)

let private find name = failing :: all |> List.tryFind (fun target -> target.Name = name)

let private corpus = Path.Combine(AppContext.BaseDirectory, "corpus")

let private targetOf (file: string) =
    let name = string (Path.GetFileName file)
    name[.. name.LastIndexOf '-' - 1]

let private filesOf path = if Directory.Exists path then List.ofArray (Directory.GetFiles path |> Array.sort) else [ path ]

let private replay path =
    let files = filesOf path
    if files.IsEmpty then invalidOp $"{path} holds no inputs"

    let failures =
        [ for target, files in files |> List.groupBy targetOf do
              if (find target).IsNone then
                  $"{files.Head}: no target is called '{target}'"
              else
                  let rows = Watch.replay target files

                  for row in rows do
                      printfn $"""{String.Join("  ", row)}"""

                      match row with
                      | [ "failed"; kind; message; file ] -> $"{file}: {kind}: {message}"
                      | _ -> ()

                  if rows.Length <> files.Length then $"{target}: {rows.Length} of {files.Length} inputs were read" ]

    failures, $"{files.Length} inputs"

let private search (targets: Target list) seed seconds beginWith keepIn =
    printfn $"seed {seed}, {seconds} s for each of {targets.Length} targets"

    let results =
        [ for target in targets do
              let count, wasRead, found = Watch.search target.Name seed seconds beginWith keepIn
              let words = [ for one in found -> $"{one.Target}: {one.Failure.Kind}: {one.Failure.Message}: {one.File}" ]
              printfn $"{target.Name, -22} {count, 10:N0} inputs, {wasRead, 10:N0} of them read, {found.Length} kinds of failures"
              words |> List.iter (printfn "  %s")
              count, words ]

    List.collect snd results, $"{List.sumBy fst results:N0} inputs, seed {seed}"

let private chosen (names: string option) =
    match names with
    | None -> all
    | Some names ->
        [ for name in names.Split ',' do
              match find name with
              | Some target -> target
              | None -> invalidOp $"no target is called '{name}'; --list names them" ]

let private work (given: ParseResults<Arguments>) =
    let seed = given.GetResult(Seed, defaultValue = Random.Shared.Next 1_000_000)
    let seconds = given.GetResult(Seconds, defaultValue = 10.0)

    match given.TryGetResult As, given.TryGetResult Replay with
    | Some name, _ ->
        let target, folder = (chosen (Some name)).Head, given.GetResult Folder

        match given.TryGetResult Inputs with
        | Some files -> Worker.replay target folder files
        | None ->
            let older = if Directory.Exists corpus then filesOf corpus |> List.filter (fun file -> targetOf file = name) else []
            let others = given.TryGetResult Begin |> Option.map filesOf |> Option.defaultValue []
            Worker.search target folder seed seconds (List.map File.ReadAllBytes (older @ others))

        0
    | None, _ when given.Contains Names ->
        all |> List.iter (fun target -> printfn $"{target.Name}")
        0
    | None, replayed ->
        let failures, what =
            match replayed with
            | Some path -> replay path
            | None -> search (chosen (given.TryGetResult Targets)) seed seconds (given.TryGetResult Begin) (given.TryGetResult Keep)

        failures |> List.iter (eprintfn "FAILED %s")
        printfn $"{what}: {failures.Length} failures"
        if failures.IsEmpty then 0 else 1

[<EntryPoint>]
let main arguments =
    try
        ArgumentParser.Create<Arguments>(programName = "CondEmbed.Fuzz").Parse arguments |> work
    with
    | :? ArguParseException as problem ->
        Console.Out.WriteLine problem.Message
        2
    | :? InvalidOperationException as problem when not (arguments |> Array.contains "--worker") ->
        Console.Error.WriteLine problem.Message
        2
