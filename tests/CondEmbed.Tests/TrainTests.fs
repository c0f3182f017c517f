module CondEmbed.Tests.TrainTests

open Expecto

let tests = testList "Train" []
