module CondEmbed.Tests.ParamsTests

open Expecto

let tests = testList "Params" []
