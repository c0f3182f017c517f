module CondEmbed.Cli.Program

open System
open System.Globalization
open Argu
open CondEmbed
open CondEmbed.Runs
open CondEmbed.Cli.Arguments
open CondEmbed.Cli.MeasureArguments
open CondEmbed.Interop
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Options
open CondEmbed.Health
open CondEmbed.Studies

/// A test checks the structure of the description, because Argu's own check takes longer than most commands.
let private parser =
    lazy ArgumentParser.Create<Command>(programName = "condembed", errorHandler = ExceptionExiter(), checkStructure = false)

let private examplesOf command =
    let line (example, meaning) = $"    {example}\n        {meaning}\n"

    match Map.tryFind command examples with
    | None -> ""
    | Some lines -> String.concat "\n" ("\nEXAMPLES:\n" :: List.map line lines)

let private isOption (word: string) = word.Length > 1 && word[0] = '-' && (word[1] = '-' || Char.IsLetter word[1])

let private optionsOf command =
    Completion.tryCommand parser.Value command
    |> Option.map Completion.optionsBelow
    |> Option.defaultValue []

/// Whether the command has an option, or `train` has, which messages about a trained network advise.
let private isKnown argv option =
    "train" :: List.truncate 1 (List.ofArray argv)
    |> List.exists (fun command -> List.contains option (optionsOf command))

/// Reports an unknown command or option, with the nearest known one.
let private checkNames (argv: string array) =
    let command = Completion.tryCommand parser.Value argv[0]
    let known = optionsOf argv[0]
    let names = [ for word in argv -> word.Split('=')[0] ]

    if command.IsNone && not (List.contains argv[0] [ "--help"; "--version" ]) then
        let kind = if isOption argv[0] then "option" else "command"
        let near = CoreSettings.Nearest("--help" :: "--version" :: List.ofSeq examples.Keys, argv[0])
        refuse $"{argv[0]}: there is no such {kind}{near}; 'condembed --help' lists them."

    let known = "--quiet" :: "--max-megapixels" :: known

    match
        names.Tail
        |> List.filter (fun name -> isOption name && name <> "--help" && not (List.contains name known))
    with
    | unknown when command.IsNone || unknown.IsEmpty -> ()
    | unknown ->
        raise (
            InputException
                [ for name in unknown do
                      $"{name}: 'condembed {argv[0]}' has no such option{CoreSettings.Nearest(known, name)}"
                  $"'condembed {argv[0]} --help' lists them." ]
        )

let private told text =
    Console.Out.WriteLine(text: string)
    0

let private dispatch commandLine stop command =
    let finished action =
        action
        0

    match command with
    | Train arguments -> finished (TrainCommand.run commandLine stop arguments)
    | Study arguments -> finished (StudyCommand.run commandLine stop arguments)
    | Compare arguments -> finished (CompareCommand.run arguments)
    | Card arguments -> finished (CardCommand.run arguments)
    | Evaluate arguments -> finished (EvaluateCommand.run stop arguments)
    | Metrics arguments -> finished (MetricsCommand.run stop arguments)
    | Embed arguments -> finished (EmbedCommand.run stop arguments)
    | Index arguments -> finished (IndexCommand.run stop arguments)
    | Search arguments -> finished (SearchCommand.run stop arguments)
    | Explain arguments -> finished (ExplainCommand.run arguments)
    | Command.Export arguments -> finished (ExportCommand.run stop arguments)
    | Command.Loss arguments -> finished (LossCommand.run arguments)
    | Preview arguments -> finished (PreviewCommand.run arguments)
    | Doctor arguments -> DoctorCommand.run stop arguments
    | Weights arguments -> finished (WeightsCommand.run stop arguments)
    | Command.Import arguments -> finished (ImportCommand.run commandLine stop arguments)
    | Data arguments -> finished (DataCommand.run stop arguments)
    | Command.Config arguments -> finished (ConfigCommand.run arguments)
    | Command.Completion arguments -> finished (CompletionCommand.run arguments)
    | Quiet -> Output.ended "failed" 2 "--quiet goes with a command; 'condembed --help' lists them."
    | MaxMegapixels _ -> Output.ended "failed" 2 "--max-megapixels goes with a command; 'condembed --help' lists them."
    | Version -> told About.Version

let private quoted (word: string) =
    if word.Length > 0 && word |> Seq.forall (fun c -> Char.IsLetterOrDigit c || "-_./=:,".Contains c) then
        word
    else
        $"'{word}'"

let private execute (argv: string array) stop =
    if argv.Length > 1 && argv[0] = "completion" && argv[1] = "--complete" then
        Completion.answer parser.Value (List.ofArray argv[2..])
        0
    else
        checkNames argv
        let results = parser.Value.ParseCommandLine argv

        results.TryGetResult MaxMegapixels |> Option.iter Limits.take

        match
            results.GetAllResults()
            |> List.filter (fun command -> not (command.IsQuiet || command.IsMaxMegapixels))
        with
        | [ command ] -> dispatch (String.Join(' ', Seq.append [ "condembed" ] (Seq.map quoted argv))) stop command
        | _ -> Output.ended "failed" 2 "give one command; 'condembed --help' lists them."

/// What a shell gives for a program that SIGPIPE has ended.
[<Literal>]
let private UnreadCode = 141

/// The exit code of the work, unless its output could not be written. A reader that has had enough ends it without a word, as it does other tools.
let private delivered code =
    match Standard.failure () with
    | Some Standard.Unread when code <> 2 -> UnreadCode
    | Some(Standard.Refused problem) when code <> 2 -> Output.ended "failed" 1 problem
    | _ -> code

let private work argv =
    let argv = Words.commandFirst argv
    Output.choose argv
    CondEmbed.Torch.Native.ownProcess ()
    use _ = Stopping.listen ()

    try
        Words.demandValues argv
        execute (Words.endOptions argv) Stopping.token |> delivered
    with
    | :? ArguParseException as error when error.ErrorCode = ErrorCode.HelpText -> delivered (told (error.Message + examplesOf argv[0]))
    | :? ArguParseException as error ->
        let problem = error.Message.Replace("ERROR: ", "").Split '\n' |> Array.head
        Output.ended "failed" 2 $"{problem.TrimEnd '.'}; 'condembed {argv[0]} --help' shows how."
    | :? OperationCanceledException as error when Standard.failure().IsSome ->
        // Say what was saved, but not that it was stopped, since nobody stopped it.
        match error with
        | :? TrainingStoppedException -> Failures.explain error |> delivered
        | _ -> delivered 1
    | error -> Failures.explain error

/// 0: done. 1: the run failed or was stopped. 2: the input is wrong. The reason goes to standard error. A signal ends what does not train, with 128 and its number.
[<EntryPoint>]
let main argv =
    CultureInfo.DefaultThreadCurrentCulture <- CultureInfo.InvariantCulture
    CultureInfo.CurrentCulture <- CultureInfo.InvariantCulture
    Wording.NameOptions(isKnown argv)

    if Launcher.IsThere then
        // Open MPI gives its processes a terminal, which nobody sees, and .NET would write control characters to it.
        Environment.SetEnvironmentVariable("TERM", "dumb")

    Standard.takeOver Stopping.stop

    match argv with
    | [||]
    | [| "--help" |] -> delivered (told (Overview.help ()))
    | [| "--version" |] -> delivered (told About.Version)
    | _ -> work argv
