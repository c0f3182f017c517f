module CondEmbed.Tests.FaceTests

open Expecto

let tests = testList "Face" []
