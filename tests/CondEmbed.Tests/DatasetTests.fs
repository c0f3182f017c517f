module CondEmbed.Tests.DatasetTests

open Expecto

let tests = testList "Dataset" []
