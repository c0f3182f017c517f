module CondEmbed.Cli.Program

open System
open System.Globalization
open System.Runtime.InteropServices
open System.Threading
open Argu
open CondEmbed
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.MeasureArguments
open CondEmbed.Interop
open CondEmbed.Training

let private parser = ArgumentParser.Create<Command>(programName = "condembed", errorHandler = ExceptionExiter())

let private examplesOf command =
    let line (example, meaning) = $"    {example}\n        {meaning}\n"

    match Map.tryFind command examples with
    | None -> ""
    | Some lines -> String.concat "\n" ("\nEXAMPLES:\n" :: List.map line lines)

let private namesOf<'Argument when 'Argument :> IArgParserTemplate> () =
    ArgumentParser.Create<'Argument>().GetArgumentCases()
    |> List.collect (fun case -> case.CommandLineNames.Value)

/// The names of all options of a command, for near misses.
let private optionsOf command =
    match command with
    | "train" -> namesOf<TrainArgument>()
    | "study" -> namesOf<StudyCommand.StudyArgument>()
    | "evaluate" -> namesOf<EvaluateArgument>()
    | "metrics" -> namesOf<MetricsArgument>()
    | "embed" -> namesOf<EmbedArgument>()
    | "index" -> namesOf<IndexCommand.IndexArgument>()
    | "search" -> namesOf<SearchArgument>()
    | "explain" -> namesOf<ExplainCommand.ExplainArgument>()
    | "loss" -> namesOf<LossCommand.LossArgument>()
    | "preview" -> namesOf<PreviewArgument>()
    | "doctor" -> namesOf<DoctorArgument>()
    | "weights" -> WeightsCommand.optionNames
    | "data" -> namesOf<DataCommand.InspectArgument>()
    | _ -> []

let private isOption (word: string) = word.Length > 1 && word[0] = '-' && (word[1] = '-' || Char.IsLetter word[1])

/// A command or an option that is not there is reported with the nearest one that is.
let private checkNames (argv: string array) =
    let known = optionsOf argv[0]
    let names = [ for word in argv -> word.Split('=')[0] ]

    if known.IsEmpty && not (List.contains argv[0] [ "--help"; "--version" ]) then
        let kind = if isOption argv[0] then "option" else "command"
        let near = RunSettings.Nearest("--help" :: "--version" :: List.ofSeq examples.Keys, argv[0])
        raise (InputException $"{argv[0]}: there is no such {kind}{near}; 'condembed --help' lists them.")

    match
        names.Tail
        |> List.filter (fun name -> isOption name && name <> "--help" && not (List.contains name known))
    with
    | unknown when known.IsEmpty || unknown.IsEmpty -> ()
    | unknown ->
        raise (
            InputException
                [ for name in unknown do
                      $"{name}: 'condembed {argv[0]}' has no such option{RunSettings.Nearest(known, name)}"
                  $"'condembed {argv[0]} --help' lists them." ]
        )

let private dispatch commandLine stop command =
    let finished action =
        action
        0

    match command with
    | Train arguments -> finished (TrainCommand.run commandLine stop arguments)
    | Study arguments -> finished (StudyCommand.run commandLine stop arguments)
    | Evaluate arguments -> finished (EvaluateCommand.run stop arguments)
    | Metrics arguments -> finished (Commands.metrics stop arguments)
    | Embed arguments -> finished (EmbedCommand.run stop arguments)
    | Index arguments -> finished (IndexCommand.run stop arguments)
    | Search arguments -> finished (SearchCommand.run stop arguments)
    | Explain arguments -> finished (ExplainCommand.run arguments)
    | Command.Loss arguments -> finished (LossCommand.run arguments)
    | Preview arguments -> finished (Commands.preview arguments)
    | Doctor arguments -> Commands.doctor arguments
    | Weights arguments -> finished (WeightsCommand.run arguments)
    | Data arguments -> finished (DataCommand.run stop arguments)
    | Version -> finished (printfn $"{About.Version}")

let private fail code (message: string) =
    eprintfn $"condembed: {Output.visible message}"
    code

let private quoted (word: string) =
    if word.Length > 0 && word |> Seq.forall (fun c -> Char.IsLetterOrDigit c || "-_./=:,".Contains c) then
        word
    else
        $"'{word}'"

let private execute (argv: string array) stop =
    if argv.Length = 0 then
        printfn $"{parser.PrintUsage()}"
        0
    else
        checkNames argv
        let results = parser.ParseCommandLine argv

        match results.GetAllResults() with
        | [ command ] -> dispatch (String.Join(' ', Seq.append [ "condembed" ] (Seq.map quoted argv))) stop command
        | _ -> fail 2 "give one command; 'condembed --help' lists them."

/// Ctrl-C and SIGTERM ask the work to stop; a second Ctrl-C ends the program at once.
let private listen (source: CancellationTokenSource) =
    let ask (context: PosixSignalContext) =
        if not source.IsCancellationRequested then
            context.Cancel <- true
            eprintfn "\nstopping after this step; once more to end at once"
            source.Cancel()

    [ PosixSignalRegistration.Create(PosixSignal.SIGINT, ask)
      PosixSignalRegistration.Create(PosixSignal.SIGTERM, ask) ]

/// Whoever started this program may want it to stop when they end themselves, however that comes about.
let private stopWithInput (source: CancellationTokenSource) =
    if Environment.GetEnvironmentVariable CondEmbed.Studies.StudyRunners.StopsWithInput = "1" then
        let wait () =
            while Console.In.Read() >= 0 do
                ()

            source.Cancel()

        Thread(wait, IsBackground = true).Start()

/// 0: done. 1: the run failed or was stopped. 2: the input is wrong. The reason goes to standard error.
[<EntryPoint>]
let main argv =
    CultureInfo.DefaultThreadCurrentCulture <- CultureInfo.InvariantCulture
    CultureInfo.CurrentCulture <- CultureInfo.InvariantCulture
    use source = new CancellationTokenSource()
    let signals = listen source
    stopWithInput source

    try
        try
            execute argv source.Token
        finally
            signals |> List.iter _.Dispose()
    with
    | :? ArguParseException as error when error.ErrorCode = ErrorCode.HelpText ->
        printfn $"{error.Message}{examplesOf argv[0]}"
        0
    | :? ArguParseException as error ->
        let problem = error.Message.Replace("ERROR: ", "").Split '\n' |> Array.head
        fail 2 $"{problem.TrimEnd '.'}; 'condembed {argv[0]} --help' shows how."
    | :? InputException as error -> fail 2 error.Message
    | :? TrainingStoppedException as stopped -> fail 1 stopped.Message
    | :? OperationCanceledException -> fail 1 "stopped."
    | :? ArithmeticException as error -> fail 1 error.Message
    | error -> fail 1 $"{error.GetType().Name}: {error.Message}"
