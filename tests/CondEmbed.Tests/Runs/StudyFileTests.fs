/// What a study's file may say, and what is refused.
module CondEmbed.Tests.StudyFileTests

open Expecto
open CondEmbed.Studies
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
              rejected [ "rerank_cosine = warm"; "must be a number" ] (study [ "rerank_cosine = 'warm'" ] two)
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
