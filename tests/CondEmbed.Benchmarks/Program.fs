module CondEmbed.Benchmarks.Program

open System
open System.Globalization
open System.Reflection
open Argu
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Options
open CondEmbed.Health
open CondEmbed.Studies

type Arguments =
    | Quick
    | Json of FILE: string
    | Compare of FILE: string
    | Read of FILE: string
    | Curves of FILE: string
    | Only of PATTERN: string
    | Threads of N: int
    | Small
    | List

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Quick -> "smaller work and fewer rounds: rough numbers in some minutes"
            | Json _ -> "write the results to a file"
            | Compare _ -> "print what got slower, beyond noise, than in the results of an earlier run, and exit with 1 if anything did"
            | Read _ -> "take the results from a file instead of measuring; may be given more than once, for the parts of one run"
            | Curves _ -> "draw the rows named scaling.* as an SVG"
            | Only _ -> "only benchmarks whose name fits, such as loss.*; may be given more than once"
            | Threads _ -> "threads of every contestant; one a core without it"
            | Small -> "measure the small parts too, by BenchmarkDotNet"
            | List -> "name the benchmarks and stop"

let private version =
    Assembly.GetExecutingAssembly().GetCustomAttribute<AssemblyInformationalVersionAttribute>().InformationalVersion

let private play (effort: Effort) (benchmark: Benchmark) =
    let absent = ResizeArray()
    let samples = Contestants.measure effort absent.Add benchmark
    let row = Results.row benchmark samples (List.ofSeq absent)
    Console.Out.WriteLine(Table.line row)

    for why in absent do
        Console.Error.WriteLine $"{benchmark.Name}: {why}: left out."

    row

let private run (effort: Effort) patterns small : Results.Run =
    let benchmarks = Benchmarks.named patterns
    let machine = Machine.here ()
    Console.Out.WriteLine $"{Machine.line machine} · {effort.Threads} threads\n"
    Console.Out.WriteLine "| benchmark | work | measured | ratio |\n| --- | --- | --- | --- |"
    let rows = [| for benchmark in benchmarks -> play effort benchmark |]

    { Date = DateTime.UtcNow.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)
      Version = version
      Quick = effort.Quick
      Threads = effort.Threads
      Machine = machine
      Rows = if small then Array.append rows (Small.rows effort) else rows }

let private tell (lines: string list) heading =
    if not lines.IsEmpty then
        Console.Out.WriteLine $"\n{heading}"

        for line in lines do
            Console.Out.WriteLine $"- {line}"

let private effortOf (given: ParseResults<Arguments>) =
    let threads = given.GetResult(Threads, Environment.ProcessorCount)
    if threads < 1 then raise (CondEmbed.Common.InputException "--threads has to be at least 1.")
    ({ Quick = given.Contains Quick; Threads = threads }: Effort)

let private compare (given: ParseResults<Arguments>) =
    // Before an hour of measuring.
    let old = given.TryGetResult Compare |> Option.map Results.read

    let now =
        match given.GetResults Read with
        | [] ->
            let effort = effortOf given
            Option.iter (Results.demandEffort effort.Quick) old
            run effort (given.GetResults Only) (given.Contains Small)
        | files ->
            let read = Results.readAll files |> Benchmarks.only (given.GetResults Only)
            Console.Out.WriteLine(Table.markdown read)
            read

    given.TryGetResult Json |> Option.iter (fun file -> Results.write file now)
    given.TryGetResult Curves |> Option.iter (fun file -> Curves.write file now)
    let known = Benchmarks.all |> List.map (fun benchmark -> benchmark.Name, benchmark) |> Map.ofList

    tell
        [ for row in now.Rows do
              match known.TryFind row.Name with
              | Some benchmark -> yield! Results.missed benchmark row
              | None -> () ]
        "Goals missed:"

    match old with
    | None -> 0
    | Some old ->
        let slower = Results.slower old now
        Console.Out.WriteLine $"\n{Results.common old now} of {now.Rows.Length} benchmarks are in both results."
        tell slower "Slower than before, beyond noise:"
        if slower.IsEmpty then Console.Out.WriteLine "\nNothing got slower beyond noise."
        min 1 slower.Length

let private serve (name: string) (contestant: string) rest =
    let given = ArgumentParser.Create<Arguments>().Parse(Array.ofList rest)
    let benchmark = Benchmarks.all |> List.find (fun one -> one.Name = name)
    Contest.serve (benchmark.Contestants |> List.find (fun one -> one.Name = contestant)) (effortOf given)
    0

[<EntryPoint>]
let main arguments =
    CultureInfo.CurrentCulture <- CultureInfo.InvariantCulture
    CondEmbed.Torch.Native.ownProcess ()

    try
        match List.ofArray arguments with
        | Contest.Serve :: name :: contestant :: rest -> serve name contestant rest
        | _ ->
            let given = ArgumentParser.Create<Arguments>("CondEmbed.Benchmarks").Parse arguments

            if given.Contains List then
                for one in Benchmarks.all do
                    Console.Out.WriteLine $"{one.Name}: {one.What}"

                0
            else
                compare given
    with
    | :? ArguParseException as problem ->
        Console.Error.WriteLine problem.Message
        if problem.ErrorCode = ErrorCode.HelpText then 0 else 2
    | :? CondEmbed.Common.InputException as problem ->
        Console.Error.WriteLine problem.Message
        2
    | Contest.Absent why ->
        Console.Error.WriteLine why
        3
    | Contest.Broken why ->
        Console.Error.WriteLine why
        1
