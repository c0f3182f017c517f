module CondEmbed.Tests.LossTests

open Expecto

let tests = testList "Loss" []
