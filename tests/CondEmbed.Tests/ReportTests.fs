module CondEmbed.Tests.ReportTests

open Expecto

let tests = testList "Report" []
