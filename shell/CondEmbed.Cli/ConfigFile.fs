/// A commented file of settings to start from.
module CondEmbed.Cli.ConfigFile

open System
open CondEmbed
open CondEmbed.Datasets
open CondEmbed.Interop
open CondEmbed.Common
open CondEmbed.Options

/// The settings that most runs change; all others are commented out.
let ready = set [ "data"; "encoder"; "weights"; "levels"; "loss"; "steps"; "batch"; "lr" ]

/// Words, wrapped into comment lines.
let private comment (text: string) =
    let width = 110

    let add (lines: string list) word =
        match lines with
        | line :: rest when line.Length + 1 + String.length word <= width -> $"{line} {word}" :: rest
        | lines -> $"# {word}" :: lines

    text.Split ' ' |> Seq.fold add [] |> List.rev

/// All settings as TOML with the defaults of an encoder, each below its meaning and range.
let text (encoder: string) =
    let values = dict [ for pair in RunSettings.StartFor(encoder).Pairs() -> pair.Key, TomlSettings.Literal pair.Value ]

    let entry (setting: SettingDescription) =
        // A name's meaning explains its choices.
        let takes = if setting.Choices.Count > 0 || setting.Allowed = "" then setting.Type else $"{setting.Type}, {setting.Allowed}"

        let value =
            match values.TryGetValue setting.Key with
            | true, value -> value
            | _ -> "{}"

        let mark = if ready.Contains setting.Key then "" else "#"
        [ yield! comment $"{setting.Meaning} ({takes})"; $"{mark}{setting.Key} = {value}"; "" ]

    [ $"# Settings of a run for 'condembed train --config FILE', with the defaults of the encoder '{encoder}' (CondEmbed {About.Version})."
      "# '#name = value' is a default: remove the '#' to change it. 'condembed config --check FILE' finds mistakes."
      ""
      for section, settings in RunSettings.All |> Seq.groupBy _.Section do
          $"# ---- {section} ----"
          ""

          for setting in settings do
              yield! entry setting ]
    |> String.concat "\n"
