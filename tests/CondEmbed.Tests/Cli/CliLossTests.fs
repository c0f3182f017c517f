/// `condembed loss` as a process, and losses through training runs of the program.
module CondEmbed.Tests.CliLossTests

open System.IO
open System.Text.Json
open Expecto
open CondEmbed.Losses
open CondEmbed.Tests.CliSupport
open CondEmbed.Tests.Support

let private firstCase =
    lazy (JsonDocument.Parse(File.ReadAllText(golden "losses.json")).RootElement.GetProperty("cases").[0])

/// Writes some members of the first golden case as a file.
let private caseFile folder (members: (string * string) list) =
    let file = Path.Combine(folder, "case.json")

    let text =
        [ for name, source in members -> $"\"{name}\": {firstCase.Value.GetProperty(source).GetRawText()}" ]
        |> String.concat ", "

    File.WriteAllText(file, "{" + text + "}")
    file

let private whole = [ "embeddings", "embeddings"; "labels", "labels"; "class_weights", "class_weights" ]

let private rows (json: JsonElement) =
    [ for row in json.EnumerateArray() do
          for number in row.EnumerateArray() -> number.GetDouble() ]

let private expectRows (expected: JsonElement) (actual: JsonElement) what =
    for a, b in List.zip (rows expected) (rows actual) do
        Expect.floatClose { absolute = 1e-8; relative = 0.0 } b a what

let private valuesTest =
    testCase "value and gradients are the golden ones" (fun () ->
        inFolder (fun folder ->
            let file = caseFile folder whole

            for name, arguments, parameter in
                [ "triplet_l2_margin0.2_semihard_avgnonzero", [ "triplet"; file; "--set"; "miner=semi-hard"; "--set"; "margin=0.2" ], ""
                  "ms_a2_b50_base0.5", [ "multi-similarity(beta=50, margin=-1)"; file ], ""
                  "proxy_anchor_a32_d0.1", [ "proxy-anchor"; file ], "proxies" ] do
                let found = jsonOf (succeeds ("loss" :: arguments @ [ "--json" ]))
                let expected = (firstCase.Value.GetProperty "losses").GetProperty name
                let value = expected.GetProperty("value").GetDouble()
                Expect.floatClose { absolute = 1e-8; relative = 0.0 } (found.GetProperty("value").GetDouble()) value name
                let gradients = found.GetProperty "gradients"
                expectRows (expected.GetProperty "grad") (gradients.GetProperty "embeddings") name

                if parameter <> "" then expectRows (expected.GetProperty "param_grads").[0] (gradients.GetProperty parameter) parameter))

let private namedTest =
    testCase "what is printed names the loss with all settings, and labels without proxies are any numbers" (fun () ->
        inFolder (fun folder ->
            let file = Path.Combine(folder, "case.json")
            File.WriteAllText(file, """{"embeddings": [[1, 0], [0, 1], [1, 1]], "labels": [-7, 1000000, -7]}""")
            let found = jsonOf (succeeds [ "loss"; "TripletMarginLoss(margin=0.3)"; file; "--set"; "margin=0.5"; "--json" ])
            Expect.equal (found.GetProperty("loss").GetString()) "triplet(margin=0.5)" "the loss"))

let private pairsTest =
    testCase "pairs in place of labels: those of classes give the same, and others need no classes" (fun () ->
        inFolder (fun folder ->
            let valueOf (text: string) =
                let file = Path.Combine(folder, "case.json")
                File.WriteAllText(file, $"{{\"embeddings\": [[1, 0], [0.5, 1], [1, 1]], {text}}}")
                jsonOf (succeeds [ "loss"; "contrastive"; file; "--json" ])

            let value (json: JsonElement) = json.GetProperty("value").GetDouble()
            let ofClasses = valueOf "\"labels\": [0, 0, 1]"
            let ofPairs = valueOf "\"pairs\": [[0, 1, -1], [1, 0, -1], [-1, -1, 0]]"
            Expect.equal (value ofPairs) (value ofClasses) "value"

            expectRows
                (ofClasses.GetProperty("gradients").GetProperty "embeddings")
                (ofPairs.GetProperty("gradients").GetProperty "embeddings")
                "gradient"

            let chain = valueOf "\"pairs\": [[0, 1, -1], [1, 0, 1], [-1, 1, 0]]"
            Expect.notEqual (value chain) (value ofClasses) "alike by a chain, and not transitive"))

let private listTest =
    testCase "--list names every loss with its settings and defaults" (fun () ->
        let text = succeeds [ "loss"; "--list" ]
        let json = jsonOf (succeeds [ "loss"; "--list"; "--json" ])

        for name in All.names do
            Expect.stringContains text $"\n{name} " "as text"

        let names = [ for loss in (json.GetProperty "losses").EnumerateArray() -> loss.GetProperty("name").GetString() ]
        Expect.equal names All.names "as JSON"
        Expect.stringContains text "margin=28.6" "a default"
        Expect.stringContains text "distance-weighted" "miners")

let private refused (arguments: string list) (text: string) (words: string list) =
    let title = String.concat " " arguments

    testCase $"refused: condembed loss {title} of {text}" (fun () ->
        inFolder (fun folder ->
            File.WriteAllText(Path.Combine(folder, "FILE"), text)
            let outcome = condembedIn folder ("loss" :: arguments)
            Expect.equal outcome.Code 2 outcome.Everything

            for word in words do
                Expect.stringContains outcome.Error word "the message"

            Expect.isFalse (outcome.Error.Contains "Exception") outcome.Error))

let private good = """{"embeddings": [[1, 0], [0, 1]], "labels": [0, 0]}"""

let private refusals =
    testList
        "refusals"
        [ refused [ "triplett"; "FILE" ] good [ "no loss 'triplett'"; "did you mean 'triplet'" ]
          refused [ "triplet(margin=x)"; "FILE" ] good [ "margin is x"; "a number" ]
          refused [ "triplet"; "FILE"; "--set"; "margni=1" ] good [ "did you mean 'margin'" ]
          refused [ "triplet"; "FILE"; "--set"; "margin" ] good [ "KEY=VALUE" ]
          refused [ "triplet" ] good [ "a loss and a JSON file" ]
          refused [ "triplet"; "NONE" ] good [ "NONE"; "no such file" ]
          refused [ "arcface"; "FILE" ] good [ "'class_weights' in the JSON"; "1 classes x 2 features" ]
          refused [ "sub-centre-arcface"; "FILE" ] good [ "1 classes x 3 centres x 2 features" ]
          refused
              [ "ContrastiveLoss"; "FILE"; "--set"; "neg_margn=1" ]
              good
              [ "'ContrastiveLoss' has no setting 'neg_margn'"; "did you mean 'neg_margin'?" ]
          refused [ "triplet"; "FILE" ] "{" [ "FILE"; "not valid JSON" ]
          refused [ "triplet"; "FILE" ] "[]" [ "an object" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [[1]]}""" [ "there is neither 'labels' nor 'pairs'" ]
          refused
              [ "triplet"; "FILE" ]
              """{"embeddings": [[1], "a"], "labels": [0, 0]}"""
              [ "embeddings[1] is text; expected a list of numbers" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": {}, "labels": [0]}""" [ "'embeddings' is an object; expected a list" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [[1]], "labels": true}""" [ "'labels' is true; expected a list" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [[1, 2], [1]], "labels": [0, 0]}""" [ "row 1 has 1 numbers" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [[1, "a"]], "labels": [0]}""" [ "embeddings[0] holds \"a\"" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [[1, 2]], "labels": [0, 1]}""" [ "2 for 1 embeddings" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [], "labels": []}""" [ "embeddings: there are none" ]
          refused
              [ "arcface"; "FILE" ]
              """{"embeddings": [[1, 2]], "labels": [3], "class_weights": [[1, 2]]}"""
              [ "labels: 3"; "from 0 to 0" ]
          refused
              [ "soft-triple"; "FILE" ]
              """{"embeddings": [[1, 2]], "labels": [0], "class_weights": [[1, 2]]}"""
              [ "1 rows"; "C x 10 rows" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [[1, 2]], "label": [0]}""" [ "'label' is unknown"; "'labels'" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [[1], [2]], "pairs": [[0, 1]]}""" [ "[1, 2]"; "[2, 2] pairs" ]
          refused [ "triplet"; "FILE" ] """{"embeddings": [[1]], "pairs": [[0]], "labels": [0]}""" [ "labels or pairs, not both" ]
          refused
              [ "arcface"; "FILE" ]
              """{"embeddings": [[1]], "pairs": [[0]], "class_weights": [[1]]}"""
              [ "give labels instead of pairs" ]
          refused [ "triplet"; "FILE"; "--set"; "foo=1" ] good [ "'triplet' has no setting 'foo'" ]
          refused [ "pnp(variant=zz)"; "FILE" ] good [ "no variant 'zz'" ] ]

let tests = testList "loss" [ valuesTest; namedTest; pairsTest; listTest; refusals ]
