/// The arguments of `condembed config`.
module CondEmbed.Cli.ConfigArguments

open Argu

[<RequireQualifiedAccess>]
type ConfigArgument =
    | [<MainCommand; Unique; Help "a TOML file of settings; --check also takes a study file">] File of FILE: string
    | [<Unique;
        Help "write FILE (condembed.toml) with every setting, its default, meaning and range; all but the few that most runs change are commented out">] Init
    | [<Unique; Help "report everything that is wrong with FILE, with line numbers, and train nothing">] Check
    | [<Unique; Help "print all settings that result from FILE and --set, as a file of settings">] Show
    | [<Unique; Help "print every setting with its type, defaults, range, meaning and names">] Reference
    | [<Unique; Help "of --reference: as the page docs/settings.md">] Markdown
    | [<Unique; Help "of --init and --show: the encoder whose default settings to start from">] Encoder of NAME: string
    | [<Help "of --show: a setting that overrides the file, as in --set batch=32; may be repeated">] Set of KEY_VALUE: string
    | [<Unique; Help "of --init: overwrite an existing file">] Force

    interface IArgParserTemplate with
        member this.Usage = Help.meaningOf this

let examples =
    [ "condembed config --init run.toml --encoder resnet50", "a file to start from, with everything that can be set"
      "condembed config --check run.toml", "is it valid?"
      "condembed config --show run.toml --set batch=32", "what a run would use"
      "condembed config --reference", "what can be set" ]
