/// Files of settings, and the reference that the settings' own types make.
module CondEmbed.Tests.CliConfigTests

open System
open System.IO
open System.Text.RegularExpressions
open Argu
open Expecto
open CondEmbed
open CondEmbed.Cli
open CondEmbed.Cli.Arguments
open CondEmbed.Datasets
open CondEmbed.Options
open CondEmbed.Interop
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.ConfigTextTests
open CondEmbed.Tests.Support

let private resolved text = RunSettings.Resolve(TomlSettings.Parse("test", text))

let private start =
    testList
        "--init"
        [ test "the file of each encoder is its defaults, with and without the comments' marks" {
              for encoder in CoreSettings.Encoders do
                  let text = ConfigFile.text encoder
                  let all = Regex.Replace(text, "^#(?=[a-z_]+ = )", "", RegexOptions.Multiline)
                  Expect.equal (resolved text) (RunSettings.StartFor encoder) encoder
                  Expect.equal (resolved all) (RunSettings.StartFor encoder) $"{encoder}, all active"

                  for setting in RunSettings.All do
                      Expect.isMatch all $"(?m)^{setting.Key} = " setting.Key
          }

          test "writes over nothing unless it is told to" {
              inFolder (fun folder ->
                  let file = Path.Combine(folder, "run.toml")
                  let init more = condembed ([ "config"; "--init"; file ] @ more)
                  Expect.stringContains (succeeds [ "config"; "--init"; file ]) file "where it is"
                  File.WriteAllText(file, "mine")
                  let outcome = init []
                  Expect.equal outcome.Code 2 outcome.Everything
                  Expect.stringContains outcome.Error "--force" "how"
                  Expect.equal (File.ReadAllText file) "mine" "untouched"
                  Expect.equal (init [ "--force"; "--encoder"; "resnet50" ]).Code 0 "forced"
                  Expect.equal (RunSettings.Resolve(TomlSettings.Read file)) (RunSettings.StartFor "resnet50") "settings")
          } ]

let private check =
    test "--check says everything that is wrong with its lines, --show what comes of a file" {
        inFolder (fun folder ->
            let file = Path.Combine(folder, "run.toml")
            File.WriteAllText(file, "bach = 8\nsteps = 'many'\n\n[loss_settings]\nalpa = 1\n")
            let outcome = condembed [ "config"; "--check"; file ]
            Expect.equal outcome.Code 2 outcome.Everything

            for line, key in [ 1, "bach"; 2, "steps"; 5, "loss_settings.alpa" ] do
                Expect.stringContains outcome.Error $"{file}, line {line}: {key}: " key

            for line in outcome.Error.TrimEnd().Split '\n' do
                Expect.stringStarts line "condembed: " "each line says who speaks"

            File.WriteAllText(file, "seeds = 2\n[base]\ndata = 'far'\n[arms.a]\nlevels = -1\nweights = 'far.safetensors'\n")
            let study = condembed [ "config"; "--check"; file ]
            Expect.equal study.Code 2 study.Everything

            for words in [ "line 3: data = far is not here"; "line 6: weights = far.safetensors is not here"; "line 5: levels: is -1" ] do
                Expect.stringContains study.Error words "what is missing hides no mistake"

            File.WriteAllText(file, "encoder = 'resnet18'\nbatch = 30\n")
            Expect.stringContains (succeeds [ "config"; "--check"; file ]) "valid" "sound"
            let shown = succeeds [ "config"; "--show"; file; "--set"; "batch=32" ]
            let start = RunSettings.StartFor "resnet18"
            Expect.equal (resolved shown) (RunSettings({ start.Core with Batch = 32 }, start.Host)) "shown"
            File.WriteAllText(file, "seeds = 2\n[arms.a]\nlevels = 0\n[arms.b]\nlevles = 1\n")
            Expect.stringContains (condembed [ "config"; "--check"; file ]).Error "line 5: levles" "a study")
    }

let private checkFits =
    test "--check tries patterns on the network and batches on the data" {
        inFolder (fun folder ->
            let file = Path.Combine(folder, "run.toml")

            let refuses (text: string) words =
                File.WriteAllText(file, text)
                let outcome = condembed [ "config"; "--check"; file ]
                Expect.equal outcome.Code 2 outcome.Everything

                for word in words do
                    Expect.stringContains outcome.Error word text

            refuses "freeze = 'layr1*'" [ "line 1: freeze: 'layr1*' matches no parameter"; "did you mean 'layer1*'?" ]
            refuses "steps = 3\nfreeze = '*'" [ "line 2: freeze: matches every parameter" ]
            refuses "freeze = 'conv1*'\nunfreeze = 'conv1*@0.5'" [ "line 2: unfreeze: 'conv1*' matches no parameter that is trained" ]
            refuses "batch = 4000\nper_class = 4" [ "needs 1000 classes"; "208 to train on" ]
            refuses "[base]\nbatch = 4000\n[arms.a]\nlevels = 0" [ "208 to train on" ]
            File.WriteAllText(file, "data = 'elsewhere/photos'\n")
            Expect.stringContains (condembed [ "config"; "--check"; file ]).Error "elsewhere/photos is not here" "data of another machine")
    }

/// Values just outside of what a setting takes.
let private wrong (setting: SettingInfo) =
    match setting.Constraint with
    | Constraint.Anything -> []
    | Constraint.WholeNumbers -> [ "0"; "1,x"; "-1" ]
    | Constraint.OneOf _ -> [ "no-such-name" ]
    | Constraint.Within(low, high) when setting.Type = SettingType.WholeNumber -> [ string (low - 1.0); string (high + 1.0) ]
    | Constraint.Within(low, high) -> [ string (low - 1e-3); string (high * 1.001 + 1e-3); "NaN" ]
    | Constraint.AtLeast low -> [ string (low - 1) ]
    | Constraint.Above low -> [ string low; "Infinity" ]

let private types =
    testList
        "types"
        [ test "what a setting takes by its type is what the check holds it to" {
              for setting in declared do
                  for value in wrong setting do
                      let settings, unread = overlaid [ setting.Key, value ]

                      match unread with
                      | [] -> Expect.contains [ for problem in settings.Problems() -> problem.Key ] setting.Key $"{setting.Key} = {value}"
                      | problems -> Expect.equal [ for problem in problems -> problem.Key ] [ setting.Key ] $"{setting.Key} = {value}"

              Expect.isGreaterThan (declared |> List.sumBy (wrong >> List.length)) 100 "values"
          }

          test "the layouts are those that data sets can be opened with" {
              let layout = RunSettings.All |> Seq.find (fun setting -> setting.Key = "layout")
              Expect.containsAll layout.Choices ImageDatasets.LayoutNames "names"
          }

          test "every setting is a key of TOML and of --set, a field, a property, and no option of train goes by" {
              let keys = [ for setting in RunSettings.All -> setting.Key ]
              let core = [ for field in Reflection.FSharpType.GetRecordFields typeof<Config> -> field.Name ]

              let host =
                  [ for property in typeof<HostSettings>.GetProperties() do
                        if property.CanWrite then property.Name ]

              let fields = [ for setting in RunSettings.All -> setting.Property ]
              Expect.equal (fields |> List.filter (fun field -> List.contains field core)) core "fields of Config"
              Expect.equal (fields |> List.except core) host "properties of HostSettings"
              let properties = [ for property in typeof<TrainingOptions>.GetProperties() -> property.Name ]
              Expect.containsAll properties fields "properties of TrainingOptions"

              let about = [ "--data"; "--dataset"; "--config"; "--out"; "--resume"; "--set"; "--list-settings"; "--json" ]

              for case in ArgumentParser.Create<TrainArgument>().GetArgumentCases() do
                  for option in case.CommandLineNames.Value do
                      // What turns a setting off is called --no- and its name.
                      let named = if option.StartsWith "--no-" then option.Substring 5 else option.TrimStart '-'
                      if not (List.contains option about) then Expect.contains keys (named.Replace('-', '_')) option

              for setting in RunSettings.All do
                  Expect.isMatch
                      (ConfigReference.optionOf setting)
                      $"^(DATA|--{setting.Key.Replace('_', '-')}|--set {setting.Key}.*=)$"
                      setting.Key
          } ]

let private upToDate file command (text: string) =
    test $"docs/{file} is up to date" {
        let kept = File.ReadAllText(Path.Combine(repositoryRoot (), "docs", file)).ReplaceLineEndings("\n")
        Expect.isTrue (kept = text + "\n") $"renew it: condembed {command} > docs/{file}"
    }

let private reference =
    testList
        "reference"
        [ upToDate "settings.md" "config --reference --markdown" (ConfigReference.markdown ())
          upToDate "losses.md" "loss --list --markdown" (LossReference.markdown ())

          test "the defaults of each encoder are what a run with it starts from" {
              for encoder in CoreSettings.Encoders do
                  let start = dict [ for pair in RunSettings.StartFor(encoder).Pairs() -> pair.Key, pair.Value ]

                  for setting in RunSettings.All do
                      if setting.Key <> "encoder" && start.ContainsKey setting.Key then
                          let brings (_, families: string list) = families.IsEmpty || families |> List.exists encoder.StartsWith
                          let value, _ = ConfigReference.defaultsOf setting |> List.find brings
                          Expect.equal value start[setting.Key] $"{encoder}: {setting.Key}"
          }

          test "it is printed as it is kept" {
              Expect.equal (succeeds [ "config"; "--reference"; "--markdown" ]) (ConfigReference.markdown () + "\n") "settings"
              Expect.stringContains (succeeds [ "config"; "--reference" ]) "per_class" "as text"
          } ]

let tests = testList "config" [ start; check; checkFits; types; reference ]
