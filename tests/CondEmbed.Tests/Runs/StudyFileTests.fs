/// What a study's file may say, and what is refused.
module CondEmbed.Tests.StudyFileTests

open Expecto
open CondEmbed.Studies
open CondEmbed.Tests.RunSupport
open CondEmbed.Tests.StudySupport
open CondEmbed.Tests.Support

let tests =
    testList
        "files"
        [ test "arms, seeds and settings are read" {
              let plan = StudyFile.Parse("s.toml", study [ "name = 'Mine'"; "baseline = 'conditional'" ] two)
              Expect.equal plan.Name "Mine" "name"
              Expect.sequenceEqual plan.Seeds [ 0; 1 ] "a number of seeds"
              Expect.equal plan.Baseline "conditional" "baseline"

              Expect.equal
                  [ for arm in plan.Arms -> arm.Name, plan.SettingsOf(arm, 7).Core.Levels ]
                  [ "baseline", 0; "conditional", 1 ]
                  "arms in order"

              Expect.equal (plan.SettingsOf(plan.Arms[0], 7).Core.Seed) 7 "seed"
          }
          test "everything that is wrong is said" {
              let rejected words text = rejects words (fun () -> StudyFile.Parse("s.toml", text) |> ignore)
              rejected [ "s.toml"; "no arms" ] "seeds = 2"
              rejected [ "'sedes'"; "did you mean 'seeds'" ] "sedes = 2"
              rejected [ "seeds" ] (study [] two |> fun text -> text.Replace("seeds = 2", "seeds = [1, 1]"))
              rejected [ "seeds = 0" ] (study [] two |> fun text -> text.Replace("seeds = 2", "seeds = 0"))
              rejected [ "baseline 'none'"; "conditional" ] (study [ "baseline = 'none'" ] two)
              rejected [ "seed" ] (study [] (two @ [ "seed = 3" ]))
              rejected [ "test_on"; "nowhere" ] (study [ "test_on = ['nowhere']" ] two)
              rejected [ "levles"; "levels" ] (study [] [ "[arms.a]"; "levles = 3" ])
              rejected [ "a/b"; "folder" ] (study [] [ "[arms.'a/b']"; "levels = 3" ])
              rejected [ "rerank" ] (study [ "rerank = 'all'" ] two)
              rejected [ "rerank_cosine = 0.2"; "beside a rerank" ] (study [ "rerank_cosine = 0.2" ] two)
              rejected [ "rerank_cosine = \"warm\""; "must be a number" ] (study [ "rerank_cosine = 'warm'" ] two)
              rejected [ "arms" ] "arms = 3"
              rejected [ "'conditional'"; "'none'" ] (study [] (two @ [ "compare_with = ['none']" ]))
              rejected [ "'conditional'"; "not another arm" ] (study [] (two @ [ "compare_with = ['conditional']" ]))
              let varied lines = study [] (two @ lines)
              rejected [ "lr"; "list" ] (varied [ "[grid]"; "lr = 0.1" ])
              rejected [ "'conditional' sets 'levels'" ] (varied [ "[grid]"; "levels = [1, 2]" ])
              rejected [ "lr=0.1"; "2 times" ] (varied [ "[grid]"; "lr = [0.1, 0.1]" ])
              rejected [ "draws" ] (varied [ "[random]"; "lr = [0.1, 0.2]" ])
              rejected [ "levles" ] (varied [ "[grid]"; "levles = [1, 2]" ])
              rejected [ "seed" ] (varied [ "[grid]"; "seed = [1, 2]" ])
          }
          test "all of it is said at once, with its lines" {
              let text =
                  [ "seeds = [1, 1]" // 1
                    "metrics = ['mrr', 'nonsense']"
                    "rerank = 'all'"
                    "[gird]"
                    "lr = [1]"
                    "[base]" // 6
                    "batchs = 8"
                    "lr = -1"
                    "loss = 'tripletmargin'"
                    "[grid]" // 10
                    "weight_decay = 0.1"
                    "size = 32"
                    "[arms.a]" // 13
                    "levles = 0"
                    "compare_with = ['c']"
                    "[arms.b]" // 16
                    "levels = -1" ]
                  |> String.concat "\n"

              let said =
                  try
                      StudyFile.Parse("s.toml", text) |> ignore
                      []
                  with :? CondEmbed.Common.InputException as problem ->
                      List.ofArray (problem.Message.Split System.Environment.NewLine)

              let starts =
                  [ "1: seeds must be"
                    "2: 'nonsense' is not a metric"
                    "3: rerank = \"all\""
                    "4: 'gird' is not a setting of a study (did you mean 'grid'?); settings of runs"
                    "7: batchs: there is no such setting"
                    "8: lr: is -1"
                    "9: loss: there is no loss 'tripletmargin'"
                    "11: weight_decay = 0.1: must be a list"
                    "12: size = 32: must be a list"
                    "14: levles: there is no such setting"
                    "15: the arm 'a' is to be compared with 'c'"
                    "17: levels: is -1" ]

              Expect.equal said.Length starts.Length (String.concat "\n" said)

              for line, start in List.zip said starts do
                  Expect.stringStarts line $"s.toml, line {start}" "in the order of the lines"
          }
          test "metrics are named by their keys or as people call them, and have to be measured" {
              let metrics list = (StudyFile.Parse("s.toml", study [ $"metrics = [{list}]" ] two)).Metrics |> List.ofSeq

              Expect.equal
                  (metrics "'MRR', 'mrr', 'R@1', 'Recall@4', 'MAP@R', 'MAP', 'r-precision', 'precision_at_1', 'recall@1_by_kind'")
                  [ "mean_reciprocal_rank"
                    "recall@1"
                    "recall@4"
                    "map_at_r"
                    "mean_average_precision"
                    "r_precision"
                    "precision@1"
                    "recall@1_by_kind" ]
                  "keys"

              rejects [ "line 2"; "'map_at_q'"; "did you mean 'map_at_r'"; "mean_reciprocal_rank" ] (fun () ->
                  metrics "'map_at_q'" |> ignore)

              rejects [ "names no metric" ] (fun () -> metrics "" |> ignore)
              rejects [ "'recall@0' is not a metric" ] (fun () -> metrics "'recall@0'" |> ignore)

              for metric, remedy in [ "nmi", "clustering = true"; "recall@16", "recall_at"; "map_at_r_by_kind", "label_columns" ] do
                  let plan = StudyFile.Parse("s.toml", study [ $"metrics = ['{metric}']" ] two)
                  rejects [ $"'{metric}' is not measured"; remedy ] (fun () -> StudyChecks.OnData plan)

              let more setting = (study [ "metrics = ['nmi', 'recall@16']" ] two).Replace("[base]", $"[base]\n{setting}")
              StudyChecks.OnData(StudyFile.Parse("s.toml", more "clustering = true\nrecall_at = '1,16'"))
          }
          test "a study says that a network starts from nothing, that images repeat, and that further data was trained on" {
              let said = ResizeArray<string>()
              let text = study [ $"test_on = ['{imageFolder.Value}']" ] [ "[arms.a]"; "levels = 0"; "encoder = 'resnet18'" ]
              let text = text.Replace("per_class = 2", "per_class = 8").Replace("batch = 8", "batch = 16")
              StudyChecks.OnData(StudyFile.Parse("s.toml", text), System.Action<string> said.Add)
              let all = String.concat "\n" said

              for words in
                  [ "the encoder resnet18 starts from random weights"
                    "6 of the 6 classes to train on have fewer than 8 images"
                    "48 of the 96 images measured, of 8 of the 16 classes, are of the training or validation part" ] do
                  Expect.stringContains all words "said"
          }
          test "a value of another type than its setting's is refused with its line, everywhere in the file" {
              let rejected words lines = rejects words (fun () -> StudyFile.Parse("s.toml", String.concat "\n" lines) |> ignore)
              let arms = [ "[arms.a]"; "levels = 0" ]
              let leave = "leave the quotes out"
              rejected [ "s.toml, line 1: seeds = \"3\""; leave ] ("seeds = \"3\"" :: arms)
              rejected [ "line 1: seeds = 2.0: must be" ] ("seeds = 2.0" :: arms)
              rejected [ "line 1: rerank = \"9\""; leave ] ("rerank = \"9\"" :: arms)
              rejected [ "line 2: steps: is a whole number"; "steps = 20"; leave ] ([ "[base]"; "steps = \"20\"" ] @ arms)
              rejected [ "line 2: levels: is a whole number"; leave ] [ "[arms.a]"; "levels = \"0\"" ]
              rejected [ "line 2: levels: "; "[0, 1] is a list"; "below [grid]" ] [ "[arms.a]"; "levels = [0, 1]" ]
              rejected [ "line 2: lr: is a number"; leave ] ([ "[grid]"; "lr = [\"1e-3\", \"3e-3\"]" ] @ arms)
              rejected [ "line 2: lr = []: must be a list" ] ([ "[grid]"; "lr = []" ] @ arms)
              rejected [ "line 1: 'arm' is not a setting of a study" ] [ "[arm.a]"; "levels = 0"; "[arms.b]" ]
              rejected [ "line 2: 'seed' is what the study varies" ] ([ "[grid]"; "seed = [1, 2]" ] @ arms)
          }
          test "data and weights that are not there are named with file and line" {
              inFolder (fun folder ->
                  let rejected words lines =
                      rejects ("does not exist" :: words) (fun () ->
                          Study(StudyFile.Parse("s.toml", String.concat "\n" lines), folder).Run() |> ignore)

                  let arms = [ "[arms.a]"; "levels = 0"; "[arms.b]"; "levels = 0"; "steps = 2" ]
                  rejected [ "s.toml, line 2: data = nope.csv" ] ([ "[base]"; "data = 'nope.csv'" ] @ arms)
                  rejected [ "s.toml, line 6: data = nope.csv" ] (arms @ [ "data = 'nope.csv'" ])
                  rejected [ "s.toml, line 6: weights = nope.pth" ] (arms @ [ "weights = 'nope.pth'" ]))
          }
          test "random combinations are drawn each once, and what cannot be drawn is refused" {
              let trials lines = [ for trial in StudyFile.Parse("s.toml", study [] (two @ lines)).Trials -> trial.Name ]
              let losses = [ "[random]"; "draws = 3"; "loss = ['triplet', 'supcon', 'contrastive']" ]
              Expect.containsAll (trials losses) [ "loss=triplet"; "loss=supcon"; "loss=contrastive" ] "all three"
              let rejected words lines = rejects words (fun () -> trials lines |> ignore)

              rejected
                  [ "draws = 4"; "no more than 3 different" ]
                  (losses |> List.map (fun line -> if line = "draws = 3" then "draws = 4" else line))

              rejected [ "draws = N is missing" ] [ "[random]"; "lr = [0.1, 0.2]" ]
              rejected [ "draws = \"3\""; "leave the quotes out" ] [ "[random]"; "draws = \"3\""; "lr = [0.1, 0.2]" ]
              rejected [ "varies nothing" ] [ "[random]"; "draws = 3" ]
              rejected [ "lr = [0.2, 0.1]"; "lower end" ] [ "[random]"; "draws = 3"; "lr = [0.2, 0.1]" ]
          }
          test "a grid is every combination, and a random one the draws of its seed" {
              let trials lines = [ for trial in StudyFile.Parse("s.toml", study [] (two @ lines)).Trials -> trial.Name ]
              Expect.equal (trials []) [ "" ] "nothing varied"

              Expect.equal
                  (trials [ "[grid]"; "lr = [3e-4, 1e-3]"; "loss = ['supcon', 'multi-similarity(base=0.8)']" ])
                  [ "lr=0.0003,loss=supcon"
                    "lr=0.0003,loss=multi-similarity_base=0.8_"
                    "lr=0.001,loss=supcon"
                    "lr=0.001,loss=multi-similarity_base=0.8_" ]
                  "in order, as names of folders"

              let random seed = [ "[random]"; "draws = 20"; $"seed = {seed}"; "lr = [1e-4, 1e-2]"; "steps = [10, 40]" ]
              Expect.equal (trials (random 1)) (trials (random 1)) "the same again"
              Expect.notEqual (trials (random 1)) (trials (random 2)) "others"
              let plan = StudyFile.Parse("s.toml", study [] (two @ random 1))

              for trial in plan.Trials do
                  for arm in plan.Arms do
                      let core = plan.SettingsOf(arm, 0, trial).Core
                      Expect.isTrue (core.Lr >= 1e-4 && core.Lr <= 1e-2) $"within the range: {core.Lr}"
                      Expect.isTrue (core.Steps >= 10 && core.Steps <= 40) $"a whole number within the range: {core.Steps}"
          } ]
