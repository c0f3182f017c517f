/// Tab completion, from Argu's own description of the commands and from the settings: a new command, option or setting is
/// completed without further work.
module CondEmbed.Cli.Completion

open System
open System.IO
open Argu
open CondEmbed.Options
open CondEmbed.Datasets
open CondEmbed.Interop
open FSharp.Reflection

/// What a shell may offer.
type Offer =
    | Word of word: string * meaning: string
    /// Files and folders, which the shell knows best how to complete.
    | Files
    | Folders

let private namesOf (case: ArgumentCaseInfo) = case.CommandLineNames.Value

let private subParsers (parser: ArgumentParser) =
    [ for sub in parser.GetSubCommandParsers() do
          match sub.ParentInfo with
          | Some case -> case.CommandLineNames.Value.Head, case.Description.Value, sub
          | None -> () ]

/// The parser of the innermost command that the words name, its path, and the words after it.
let rec private innermost path parser (words: string list) =
    match words with
    | word :: rest ->
        match subParsers parser |> List.tryFind (fun (name, _, _) -> name = word) with
        | Some(name, _, sub) -> innermost (path @ [ name ]) sub rest
        | None -> path, parser, words
    | [] -> path, parser, []

/// The names of all options of a command and its subcommands, except those that every command has.
let rec optionsBelow (parser: ArgumentParser) =
    [ for case in parser.GetArgumentCases() do
          if not case.IsMainCommand && case.ArgumentType <> ArgumentType.SubCommand then yield! namesOf case
      for _, _, sub in subParsers parser do
          yield! optionsBelow sub ]

/// The parser of a command.
let tryCommand (root: ArgumentParser) command =
    subParsers root |> List.tryPick (fun (name, _, sub) -> if name = command then Some sub else None)

let private words names = [ for name in names -> Word(name, "") ]

let private settings = lazy dict [ for setting in RunSettings.All -> setting.Key, setting ]

let private choicesOf (setting: SettingDescription) =
    match setting.Key with
    | "loss"
    | "level_loss" -> List.ofSeq CoreSettings.Losses
    | "data" -> List.ofSeq ImageDatasets.EmbeddedNames
    | "device" -> [ "auto"; "cpu"; "cuda" ]
    | _ when setting.Type = "true or false" -> [ "true"; "false" ]
    | _ -> List.ofSeq setting.Choices

/// `KEY=VALUE` of a setting: its key, then its choices.
let private ofSetting (current: string) =
    match current.IndexOf '=' with
    | -1 -> [ for setting in RunSettings.All -> Word(setting.Key + "=", setting.Meaning) ]
    | at ->
        match settings.Value.TryGetValue(current.Substring(0, at)) with
        | true, setting -> words [ for choice in choicesOf setting -> $"{setting.Key}={choice}" ]
        | _ -> []

let private ofLossSetting () =
    [ for loss in LossFunctions.All do
          for setting in loss.Settings do
              Word(setting.Key + "=", setting.Meaning) ]
    |> List.distinctBy (function
        | Word(word, _) -> word
        | _ -> "")

/// Run folders in the default place.
let private runs () =
    if Directory.Exists "runs" then
        [ for folder in Directory.GetDirectories "runs" |> Array.sort do
              if File.Exists(Path.Combine(folder, "config.toml")) && not (Seq.exists Char.IsControl folder) then
                  folder.Replace('\\', '/') ]
    else
        []

/// By the name that a value has in the help: FILE, DIR, RUN_AND_IMAGES ...
let private ofPlaceholder (name: string) =
    let has (part: string) = name.Split('_') |> Array.contains part

    [ if has "RUN" then
          yield! words (runs ())
          Folders
      if has "DATA" then yield! words ImageDatasets.EmbeddedNames
      if has "LOSS" then yield! words CoreSettings.Losses
      if has "DIR" then Folders
      if List.exists has [ "FILE"; "DATA"; "IMAGE"; "IMAGES"; "STUDY" ] then Files ]

/// The names of a type that is itself a choice.
let private ofType (kind: Type) =
    if kind.IsEnum then
        Enum.GetNames kind |> List.ofArray |> List.map _.ToLowerInvariant()
    elif FSharpType.IsUnion kind && not kind.IsGenericType then
        [ for case in FSharpType.GetUnionCases kind -> case.Name.ToLowerInvariant() ]
    else
        []

/// What can be the value of an option, or a command's main argument.
let private valuesOf (path: string list) (case: ArgumentCaseInfo) current =
    let option = namesOf case |> List.tryHead |> Option.defaultValue ""
    let key = option.TrimStart('-').Replace('-', '_')

    let ofFields () =
        [ for field in case.UnionCaseInfo.GetFields() do
              yield! words (ofType field.PropertyType)
              yield! ofPlaceholder field.Name ]

    match key, settings.Value.TryGetValue(if key = "dataset" then "data" else key) with
    | "set", _ when path = [ "loss" ] -> ofLossSetting ()
    | "set", _ -> ofSetting current
    | _, (true, setting) when not case.IsMainCommand && not (choicesOf setting).IsEmpty -> words (choicesOf setting)
    | _ -> ofFields ()

let private takesValue (case: ArgumentCaseInfo) =
    case.ArgumentType <> ArgumentType.SubCommand
    && not case.IsMainCommand
    && case.UnionCaseInfo.GetFields().Length > 0

/// What the current word can be, given the words before it (without the program itself).
let offers (root: ArgumentParser) (before: string list) (current: string) : Offer list =
    let path, parser, given = innermost [] root before
    let cases = parser.GetArgumentCases()

    let inherited =
        root.GetArgumentCases()
        |> List.filter (fun case -> namesOf case = [ "--quiet" ] || namesOf case = [ "--max-megapixels" ])

    let options = cases @ inherited |> List.distinctBy namesOf

    let pending =
        List.tryLast given
        |> Option.bind (fun word -> options |> List.tryFind (fun case -> List.contains word (namesOf case)))

    let found =
        match pending with
        | Some case when takesValue case -> valuesOf path case current
        | _ ->
            let isMain, names = List.partition (fun (case: ArgumentCaseInfo) -> case.IsMainCommand) options

            [ for name, meaning, _ in subParsers parser do
                  Word(name, meaning)
              if not (current.StartsWith '-') then
                  for case in isMain do
                      yield! valuesOf path case current
              if current.StartsWith '-' || isMain.IsEmpty then
                  for case in names do
                      if
                          case.ArgumentType <> ArgumentType.SubCommand
                          && not (case.IsUnique.Value && List.exists (fun name -> List.contains name given) (namesOf case))
                      then
                          for name in namesOf case do
                              Word(name, case.Description.Value)

                  Word("--help", "show help") ]

    found
    |> List.filter (fun offer ->
        match offer with
        | Word(word, _) -> word.StartsWith(current, StringComparison.Ordinal)
        | Files
        | Folders -> true)
    |> List.distinct

let private longestMeaning = 72

/// An offer as the scripts of the shells read it: `word`, a tab, what it means; `:files` or `:folders`.
let line offer =
    match offer with
    | Files -> ":files"
    | Folders -> ":folders"
    | Word(word, "") -> word
    | Word(word, meaning) ->
        let meaning = meaning.Replace('\n', ' ').Replace('\t', ' ')
        let short = if meaning.Length <= longestMeaning then meaning else meaning.Substring(0, longestMeaning - 3) + "..."
        $"{word}\t{short}"

/// `completion --complete N WORD...`: the words of a command line without the program, completed at the N-th, counting from 0; that word may not exist yet.
let answer root (arguments: string list) =
    match arguments with
    | at :: given when fst (Int32.TryParse at) ->
        let before = List.truncate (int at) given
        let current = List.tryItem (int at) given |> Option.defaultValue ""

        for offer in offers root before current do
            Console.Out.WriteLine(line offer)
    | _ -> ()
