/// The reference of all settings, made from the configuration's own types and the command line's own description.
module CondEmbed.Cli.ConfigReference

open System
open Argu
open CondEmbed.Cli.Arguments
open CondEmbed.Datasets
open CondEmbed.Interop
open CondEmbed.Common
open CondEmbed.Options
open CondEmbed.Studies

/// `resnet50-v1` -> `resnet`: encoders of a family start from the same settings, except the encoder itself and its weights.
let private familyOf (encoder: string) = encoder |> Seq.takeWhile Char.IsLetter |> Seq.toArray |> String

let private starts =
    lazy
        [ for encoder in CoreSettings.Encoders -> encoder, Map [ for pair in RunSettings.StartFor(encoder).Pairs() -> pair.Key, pair.Value ] ]

/// The defaults of a setting, each with the families of encoders that have it, after encoders that differ from their family; a single one without names if all agree.
let defaultsOf (setting: SettingDescription) : (string * string list) list =
    let valueIn (start: Map<string, string>) = Map.tryFind setting.Key start |> Option.defaultValue ""

    let usual = starts.Value |> List.distinctBy (fst >> familyOf)
    let ofFamily = Map [ for encoder, start in usual -> familyOf encoder, valueIn start ]

    let found =
        [ for encoder, start in starts.Value do
              if valueIn start <> ofFamily[familyOf encoder] then valueIn start, encoder
          for encoder, start in usual do
              valueIn start, familyOf encoder ]
        |> List.groupBy fst
        |> List.map (fun (value, families) -> value, families |> List.map snd |> List.distinct)

    match found with
    | _ when setting.Key = "encoder" -> [ valueIn (snd starts.Value.Head), [] ]
    | [ value, _ ] -> [ value, [] ]
    | several -> several

let private defaultText quote setting =
    String.Join(
        ", ",
        [ for value, families in defaultsOf setting ->
              let value = quote (if value = "" then "empty" else value)
              if families.IsEmpty then value else $"""{value} ({String.Join(", ", families)})""" ]
    )

let private options =
    lazy
        set
            [ for case in ArgumentParser.Create<TrainArgument>().GetArgumentCases() do
                  yield! case.CommandLineNames.Value ]

/// How to give a setting to `train`.
let optionOf (setting: SettingDescription) =
    let option = "--" + setting.Key.Replace('_', '-')

    if setting.Key = "data" then "DATA"
    elif options.Value.Contains option then option
    elif setting.Type = "numbers by name" then $"--set {setting.Key}.NAME="
    else $"--set {setting.Key}="

let private sections = lazy (RunSettings.All |> Seq.groupBy _.Section |> Seq.toList)

/// For a terminal.
let text () =
    [ for section, settings in sections.Value do
          $"{section}\n"

          for setting in settings do
              let takes = if setting.Allowed = "" then "" else $": {setting.Allowed}"
              $"  {setting.Key}  ({setting.Type}{takes})"
              $"      {setting.Meaning}"
              $"      default {defaultText id setting}; {optionOf setting}; C# and F#: {setting.Property}\n" ]
    |> String.concat "\n"

let private cell (text: string) = text.Replace("|", "\\|").Replace("*", "\\*")

let private row (setting: SettingDescription) =
    let code text = $"`{text}`"
    // The meaning of a name says what each choice is.
    let takes = if setting.Choices.Count > 0 || setting.Allowed = "" then setting.Type else $"{setting.Type}, {setting.Allowed}"
    let choices = if setting.Choices.Count > 0 then String.Join(", ", Seq.map code setting.Choices) else takes
    let quoted text = if text = "empty" then text else code text
    $"| `{setting.Key}` | {choices} | {defaultText quoted setting} | {cell setting.Meaning} | `{optionOf setting}`, `{setting.Property}` |"

let private page =
    """---
title: Settings
category: Reference
categoryindex: 4
index: 1
---

# Settings

Every setting of a training run. This page is generated: `condembed config --reference --markdown`.

Each setting can stand in a TOML file under its name (`condembed train --config run.toml`; `condembed config --init run.toml` writes one), on the command
line of `condembed train` (the last column; `--set per_class=2` works for all of them), and as a property of `TrainingOptions` in C#. What the core reads is a
field of `Config` in F#, and the rest a property of `HostSettings` (all under the last name of its row). The command line wins over the file. Defaults may differ by encoder: `small`, the ResNets, the ViTs.
"""

let private studies =
    """
## Study files

`condembed study STUDY.toml` reads these keys; settings of runs stand below `[base]` and `[arms.NAME]`, under the names above (all but `seed`).

| key | meaning |
| --- | --- |"""

/// As a page of the documentation.
let markdown () =
    [ page
      for section, settings in sections.Value do
          $"## {section}\n\n| setting | takes | default | meaning | option; property |\n| --- | --- | --- | --- | --- |"

          for setting in settings do
              row setting

          ""
      studies.TrimStart()
      for pair in StudyFile.Keys do
          $"| `{pair.Key}` | {cell pair.Value} |"
      "\nLosses, miners, reducers and distances with their own settings: [Losses](losses.md)." ]
    |> String.concat "\n"
