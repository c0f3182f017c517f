/// The arguments of `condembed config`.
module CondEmbed.Cli.ConfigArguments

open Argu

[<RequireQualifiedAccess>]
type ConfigArgument =
    | [<MainCommand; Unique>] File of FILE: string
    | [<Unique>] Init
    | [<Unique>] Check
    | [<Unique>] Show
    | [<Unique>] Reference
    | [<Unique>] Markdown
    | [<Unique>] Encoder of NAME: string
    | Set of KEY_VALUE: string
    | [<Unique>] Force

    interface IArgParserTemplate with
        member this.Usage =
            match this with
            | File _ -> "a TOML file of settings; --check also takes a study file"
            | Init ->
                "write FILE (condembed.toml) with every setting, its default, meaning and range; all but the few that most runs change are commented out"
            | Check -> "report everything that is wrong with FILE, with line numbers, and train nothing"
            | Show -> "print all settings that result from FILE and --set, as a file of settings"
            | Reference -> "print every setting with its type, defaults, range, meaning and names"
            | Markdown -> "of --reference: as the page docs/settings.md"
            | Encoder _ -> "of --init and --show: the encoder whose default settings to start from"
            | Set _ -> "of --show: a setting that overrides the file, as in --set batch=32; may be repeated"
            | Force -> "of --init: overwrite an existing file"

let examples =
    [ "condembed config --init run.toml --encoder resnet50", "a file to start from, with everything that can be set"
      "condembed config --check run.toml", "is it valid?"
      "condembed config --show run.toml --set batch=32", "what a run would use"
      "condembed config --reference", "what can be set" ]
