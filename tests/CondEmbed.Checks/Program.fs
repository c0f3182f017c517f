/// Checks that need what the tests do not have: a GPU, or hours. Each runs in a process of its own; what they find is one table, and JSON.
module CondEmbed.Checks.Program

open System
open System.Globalization
open System.IO
open System.Text.Json
open Argu
open CondEmbed
open CondEmbed.Common
open CondEmbed.Health
open CondEmbed.Interop
open CondEmbed.Torch

type Arguments =
    | [<MainCommand>] Libtorch of FOLDER: string
    | Quick
    | Full
    | Steps of int
    | Tolerance of float
    | Data of FOLDER: string
    | Set of SETTING: string
    | Scale of float
    | Only of NAMES: string
    | Out of FILE: string
    | [<CustomCommandLine "--list">] Names
    | [<Hidden>] Worker of string
    | [<Hidden>] Folder of string

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | Libtorch _ -> "the folder of libtorch 2.10, such as torch/lib of that version of PyTorch; that of the build if left out"
            | Quick -> "small work, some minutes on a CPU; always so where there is no GPU"
            | Full -> "all of the work without a GPU too, which takes an hour"
            | Steps _ -> "steps of the default run (1500; quick: 20)"
            | Tolerance _ -> "the largest relative difference between devices (0.001)"
            | Data _ -> "images for the study, such as CUB-200-2011 or a table; the bundled emoji if left out"
            | Set _ -> "a setting of the study, as in weights=FILE; may be given more than once"
            | Scale _ -> "load: how much of the work, as in 0.01 (1)"
            | Only _ -> "only these checks, separated by commas"
            | Out _ -> "a file for the results, as JSON"
            | Names -> "names the checks"
            | Worker _
            | Folder _ -> "for the processes that this program starts"

[<Literal>]
let private Doctor = "doctor"

/// Whether torch loads, and what there is; where there is no GPU, what that means.
let private doctor withoutGpu =
    Check.plain Doctor "loads libtorch, and does tiny jobs" (fun _ tell ->
        let found = CondEmbed.Health.Doctor.Examine()
        eprintfn $"{found.ToText()}"

        let said =
            if found.Healthy then
                let versions = found.Versions

                let device = if Cuda.isThere () then Cuda.name () else withoutGpu

                $"{device}; libtorch {versions.Libtorch}, TorchSharp {versions.TorchSharp}, CondEmbed {versions.CondEmbed}, {versions.Dotnet}; {found.Machine.Processor}"
            else
                String.Join(" ", [ for problem in found.Problems -> problem.Fix ])

        tell (Check.row "" found.Healthy said []))

/// The word before all options chooses load and long runs in place of the GPU.
[<Literal>]
let private Load = "load"

let private ofGpu =
    doctor "no GPU, so small work on the CPU, against itself with every weight moved by a rounding error"
    :: Agreement.checks
    @ Training.checks
    @ Speed.checks

let private ofLoad = doctor "CPU" :: Runs.checks @ Searching.checks @ Service.checks

let private chosen (checks: Check list) (names: string option) =
    match names with
    | None -> checks
    | Some names ->
        checks.Head
        :: [ for name in names.Split(',', StringSplitOptions.TrimEntries) do
                 match checks |> List.tryFind (fun check -> check.Name = name) with
                 | Some check -> if name <> checks.Head.Name then check
                 | None -> raise (InputException $"no check is called '{name}'; --list names them.") ]

let private settingOf (text: string) =
    match text.Split('=', 2) with
    | [| key; value |] -> Given("--set", key, value)
    | _ -> raise (InputException $"--set {text}: write key=value.")

let private effortOf quick (given: ParseResults<Arguments>) =
    { Quick = quick
      Scale = given.GetResult(Scale, 1.0)
      Steps = given.GetResult(Steps, (if quick then 20 else 1500))
      Tolerance = given.GetResult(Tolerance, 1e-3)
      Data = given.GetResult(Data, "emoji")
      Set = given.GetResults Set |> List.map settingOf
      Folder = given.GetResult(Folder, "") }

/// The lines of the table for a check.
let private lines (check: Check) (rows: Row list) =
    let line (row: Row) name said = $"""| {name} | {if row.Passed then "ok" else "FAILED"} | {said} |"""
    let each (row: Row) = line row (if row.Case = "" then check.Name else $"{check.Name}: {row.Case}") (row.Said.ReplaceLineEndings " ")

    match check.Summary with
    | Some summary ->
        let failed = rows |> List.filter (fun row -> not row.Passed)
        line { rows.Head with Passed = failed.IsEmpty } check.Name (summary rows) :: List.map each failed
    | None -> List.map each rows

let private write (path: string) (results: (Check * Row list) list) =
    let document =
        {| Date = DateTime.UtcNow.ToString("yyyy-MM-dd HH:mm", CultureInfo.InvariantCulture)
           Version = About.Version
           Checks = [ for check, rows in results -> {| Name = check.Name; What = check.What; Rows = rows |} ] |}

    AtomicFile.WriteText(
        path,
        JsonSerializer.Serialize(document, JsonSerializerOptions(Children.json, WriteIndented = true))
        + "\n"
    )

/// Does the checks one after another; nothing else can work where the doctor's fails.
let rec private all (arguments: string list) (checks: Check list) =
    match checks with
    | [] -> []
    | check :: rest ->
        let rows = Children.run (arguments @ [ "--worker"; check.Name ])
        let rows = if rows.IsEmpty then [ Check.row "" false "nothing was checked" [] ] else rows
        lines check rows |> List.iter (printfn "%s")
        let isHopeless = check.Name = Doctor && not rows.Head.Passed
        (check, rows) :: (if isHopeless then [] else all arguments rest)

let private report arguments checks (given: ParseResults<Arguments>) =
    printfn "| check | | result |\n| --- | --- | --- |"
    let results = all arguments (chosen checks (given.TryGetResult Only))
    given.TryGetResult Out |> Option.iter (fun path -> write path results)

    match
        [ for check, rows in results do
              if rows |> List.exists (fun row -> not row.Passed) then check.Name ]
    with
    | [] -> 0
    | [ Doctor ] -> 2
    | _ -> 1

/// What loads libtorch reads the variable; so do the children.
let private chooseLibtorch (given: ParseResults<Arguments>) =
    given.TryGetResult Libtorch
    |> Option.iter (fun folder -> Environment.SetEnvironmentVariable("CONDEMBED_LIBTORCH", folder))

    if LibtorchDownload.Folder = "" then
        raise (
            InputException
                "No libtorch came with this program: name the folder of libtorch 2.10, such as torch/lib of PyTorch 2.10, as in gpu-check FOLDER."
        )

let private worker name (checks: Check list) (given: ParseResults<Arguments>) =
    Native.ownProcess ()
    // The doctor says by itself what is missing.
    if name <> Doctor then Native.ensure ()
    let isQuick = name = Doctor || given.Contains Quick || not (given.Contains Full || Cuda.isThere ())
    Children.work (checks |> List.find (fun check -> check.Name = name)) (effortOf isQuick given)

let private run (arguments: string list) =
    let checks, options =
        match arguments with
        | Load :: options -> ofLoad, options
        | options -> ofGpu, options

    let given = ArgumentParser.Create<Arguments>("gpu-check").Parse(Array.ofList options)

    match given.TryGetResult Worker with
    | Some name ->
        worker name checks given
        0
    | None when given.Contains Names ->
        for check in checks do
            printfn $"{check.Name}: {check.What}"

        0
    | None ->
        chooseLibtorch given
        report arguments checks given

[<EntryPoint>]
let main arguments =
    CultureInfo.CurrentCulture <- CultureInfo.InvariantCulture

    try
        run (List.ofArray arguments)
    with
    | :? ArguParseException as problem ->
        eprintfn $"{problem.Message}"
        if problem.ErrorCode = ErrorCode.HelpText then 0 else 2
    | :? InputException as problem ->
        eprintfn $"{problem.Message}"
        2
