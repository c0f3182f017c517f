module CondEmbed.Tests.ImageTests

open Expecto

let tests = testList "Image" []
