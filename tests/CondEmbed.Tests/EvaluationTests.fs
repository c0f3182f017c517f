module CondEmbed.Tests.EvaluationTests

open Expecto

let tests = testList "Evaluation" []
