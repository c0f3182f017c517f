/// The program as a process.
module CondEmbed.Tests.CliTests

open Expecto

let tests =
    testList
        "Cli"
        [ CliHelpTests.tests
          CliWorkTests.tests
          CliCompareTests.tests
          ModelCardTests.tests
          PublishedResultTests.tests
          CliMetricsTests.tests
          CliInputTests.tests
          CliLossTests.tests
          CliStudyTests.tests
          CliEndTests.tests
          CliStopTests.tests
          CliDataTests.tests
          CliShardTests.tests
          CliOutputTests.tests
          CliConfigTests.tests
          CliCompletionTests.tests ]

/// Of the program and of networks in this process.
let besideNetworks = testList "Cli" [ CliWeightsTests.tests ]

/// Of the program and of databases.
let ofStores = testList "Cli" [ CliStoreTests.tests ]
