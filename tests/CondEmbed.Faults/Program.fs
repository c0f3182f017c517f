/// Injects faults into condembed, run as a process: each case ends with the bits of the undisturbed run, or with one sentence, the right exit code and nothing half-written.
module CondEmbed.Faults.Program

open System
open System.Diagnostics
open System.IO
open Argu

type Arguments =
    | Seconds of float
    | Cases of string
    | Seed of int
    | Replay of case: string * seed: int
    | [<CustomCommandLine "--list">] Names

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Seconds _ -> "seconds for each case, which is tried with one seed after another, once at least; 0 if left out"
            | Cases _ -> "all, or only these, separated by commas; kill.* names those that begin with kill."
            | Seed _ -> "the first seed; another one each time if left out"
            | Replay _ -> "tries a case with the seed that was printed"
            | Names -> "names the cases"

/// Half a file, for the test of this program.
let private failing =
    let work =
        { Name = "failing"
          Arguments = []
          Again = fun _ -> []
          Results = [ "result" ]
          Digest = Work.sha
          Saves = false
          Through = [ "sh"; "-c"; "echo whole > result"; "sh" ] }

    { Name = "failing"
      Lacks = Case.always
      Try =
        fun _ folder ->
            File.WriteAllText(Path.Combine(folder, "result"), "half")
            Case.settle work folder { Command = "failing"; Code = 137; Out = ""; Error = "" } }

let private all = Endings.cases @ Disks.cases @ Harms.cases

let private chosen (names: string) =
    [ for name in names.Split ',' do
          let found =
              match name with
              | "all" -> all
              | _ when name.EndsWith '*' -> all |> List.filter _.Name.StartsWith(name.TrimEnd '*')
              | _ -> failing :: all |> List.filter (fun case -> case.Name = name)

          if found.IsEmpty then invalidOp $"no case is called '{name}'; --list names them"
          yield! found ]

type private Row = { Case: string; Same: int; Told: int; Failures: string list }

/// Another one for each case: else all of them would draw the same moment.
let private random (case: Case) seed = Random(case.Name |> Seq.fold (fun sum letter -> 31 * sum + int letter) seed)

let private attempt (case: Case) (seed: int) =
    try
        Ok(Work.inFolder (case.Try(random case seed)))
    with Wrong words ->
        Error $"FAILED {case.Name}, seed {seed} (--replay {case.Name} {seed}): {words}"

let private search seed (seconds: float) (case: Case) =
    let clock = Stopwatch.StartNew()

    let rec go seed row =
        let row =
            match attempt case seed with
            | Ok Same -> { row with Same = row.Same + 1 }
            | Ok Told -> { row with Told = row.Told + 1 }
            | Error words ->
                eprintfn $"{words}"
                { row with Failures = words :: row.Failures }

        if clock.Elapsed.TotalSeconds < seconds then go (seed + 1) row else row

    let row = go seed { Case = case.Name; Same = 0; Told = 0; Failures = [] }
    printfn $"{case.Name, -28} {row.Same, 8} {row.Told, 8} {row.Failures.Length, 8}    {clock.Elapsed.TotalSeconds:F0} s"
    row

let private report seed seconds cases =
    printfn $"seed {seed}"
    printfn $"""{"case", -28} {"same", 8} {"told", 8} {"failed", 8}"""

    let rows =
        [ for case in cases do
              match case.Lacks() with
              | Some why -> printfn $"{case.Name, -28} left out: {why}"
              | None -> search seed seconds case ]

    let sum (count: Row -> int) = List.sumBy count rows
    let failures = sum _.Failures.Length
    printfn $"""{"all", -28} {sum _.Same, 8} {sum _.Told, 8} {failures, 8}"""
    if failures = 0 then 0 else 1

let private work (given: ParseResults<Arguments>) =
    match given.TryGetResult Replay with
    | _ when given.Contains Names ->
        all |> List.iter (fun case -> printfn $"{case.Name}")
        0
    | Some(name, seed) -> report seed 0.0 (chosen name)
    | None ->
        let seed = given.GetResult(Seed, defaultValue = Random.Shared.Next 1_000_000)
        report seed (given.GetResult(Seconds, defaultValue = 0.0)) (chosen (given.GetResult(Cases, defaultValue = "all")))

[<EntryPoint>]
let main arguments =
    AppDomain.CurrentDomain.ProcessExit.Add(fun _ -> Works.removeInputs ())

    try
        ArgumentParser.Create<Arguments>(programName = "CondEmbed.Faults").Parse arguments |> work
    with
    | :? ArguParseException as problem ->
        Console.Out.WriteLine problem.Message
        2
    | :? InvalidOperationException as problem ->
        Console.Error.WriteLine problem.Message
        2
