module CondEmbed.Tests.Program

open System
open System.IO
open Expecto
open Expecto.Impl
open CondEmbed.Common
open CondEmbed.Images
open CondEmbed.Options
open CondEmbed.Health
open CondEmbed.Studies

let private unnamed tests = TestList(tests, Normal)

/// Torch has one global generator and one default device, so the tests that call it here run one after another.
let private here =
    unnamed
        [ NativeTests.tests
          NativeCallTests.tests
          MatmulTests.tests
          PurityTests.tests
          ParamsTests.tests
          LayerTests.tests
          LayerFormulaTests.tests
          EncoderTests.tests
          TransformerTests.tests
          FoldingTests.tests
          ThreadTests.tests
          WeightNameTests.tests
          ImportedTests.tests
          AttentionTests.tests
          HierarchyTests.tests
          LevelTests.tests
          ConditionalTests.tests
          FeatureDistillationTests.tests
          PairingTests.tests
          DrawnPairsTests.tests
          SimilarityMixupTests.tests
          AveragedTests.tests
          ComparisonTests.tests
          LevelMeasuresTests.tests
          SimilarityTests.tests
          LossTests.tests
          SettingTests.tests
          PrecisionTests.tests
          OptimiserTests.tests
          TrainTests.tests
          DerivativeTests.tests
          SecondDerivativeTests.tests
          MicroBatchTests.tests
          TeamTests.tests
          MatchingTests.tests
          MoreLossTests.tests
          WeightedPairTests.tests
          DeviceTests.tests
          ConfigTests.tests
          RecipeTests.tests
          ImageTests.tests
          PassedOverTests.tests
          DatasetTests.tests
          SplitTests.tests
          LabelMatchTests.tests
          ListedPairTests.tests
          WordingTests.tests
          HostTests.tests
          PixelTests.tests
          HostStoreTests.tests
          HostVectorTests.tests
          StrictTests.tests
          ScenesTests.tests
          MatTests.tests
          CarsTests.tests
          PublishedTests.tests
          ListedPathTests.tests
          InspectTests.tests
          SamplingTests.tests
          CategorySamplingTests.tests
          EvaluationTests.tests
          MetricTests.tests
          RelevanceTests.tests
          SecondSearchTests.tests
          ClusterTests.tests
          SearchTests.tests
          PanelTests.tests
          TsneTests.tests
          PublishedWeightsTests.tests
          SafetensorsTests.tests
          TorchFileTests.tests
          TorchRefusalTests.tests
          ImportTests.tests
          ImportDeclaredTests.tests
          CheckpointTests.tests
          FileTests.tests
          EmbeddingFileTests.tests
          EmbedderTests.tests
          IndexTests.tests
          IndexUseTests.tests
          DamageTests.tests
          CodeTests.tests
          RunTests.tests
          RunSamplingTests.tests
          PairRunTests.tests
          LauncherTests.tests
          OverlapTests.tests
          TrafficTests.tests
          ShareTests.tests
          TeamRunTests.tests
          TrunkTests.tests
          CheckedImagesTests.tests
          ArmTests.tests
          FrozenWeightsTests.tests
          StudyTests.tests
          StudyProgressTests.tests
          StudyLockTests.tests
          TextTests.tests
          TieTests.tests
          EvidenceTests.tests
          RerankTests.tests
          ReportTests.tests
          ExportTests.tests
          TensorBoardTests.tests
          FaceTests.tests
          GuideTests.tests
          CSharpTests.tests
          PrintingTests.tests
          MistakeTests.tests
          MemoryDataTests.tests
          DataDefaultsTests.tests
          CliTests.besideNetworks
          PublicApiTests.tests
          DesignTests.tests
          RoomTests.tests ]

/// Holds what such a test shares with those beside it, which train here now and then.
let private alone =
    Test.replaceTestCode (fun name code ->
        let held =
            match code with
            | Sync test -> Sync(fun () -> Support.aloneWithTensors test)
            | other -> other

        TestLabel(name, TestCase(held, Normal), Normal))

/// What runs in other programs, beside the tests above: each group one after another, and a group begins when one before it has ended. Each is short enough
/// that the last of them does not run alone for long; Expecto begins with those of most tests.
let private inOtherPrograms =
    [ "commands", [ CliTests.tests; DocsTests.tests; ReportPageTests.tests ]
      "stores and teams",
      [ StoreTests.tests
        CliTests.ofStores
        FaultTests.tests
        TeamRunTests.ofPrograms
        OverlapTests.ofPrograms
        NetworkTests.tests ]
      "packages and servers", [ PackageTests.tests; ServiceTests.tests; SampleTests.tests ]
      "scripts", [ ScriptTests.tests ]
      "checks", [ BenchmarkTests.tests; FuzzTests.tests; GpuCheckTests.tests; LoadTests.tests; FaultProgramTests.tests ]
      "a build", [ AddingTests.tests ] ]

/// As many at a time as they are measured with: more would need more than two cores and 4 GB.
let private groupsAtOnce = 2

let all =
    testList
        "CondEmbed"
        [ testSequencedGroup "here" (alone here)
          for name, tests in inOtherPrograms do
              testSequencedGroup name (unnamed tests) ]

/// Prints the closing line 'N passed, N failed, N skipped' once Expecto has printed its own summary.
let private runTests argv =
    let mutable passed, failed, skipped = 0, 0, 0

    let count (summary: TestRunSummary) =
        passed <- summary.passed.Length
        failed <- summary.failed.Length + summary.errored.Length
        skipped <- summary.ignored.Length

    let exit = runTestsWithCLIArgs [ Parallel_Workers groupsAtOnce; Append_Summary_Handler(SummaryHandler count) ] argv all

    Console.Out.Flush()

    if passed + failed = 0 then
        printfn "no test matched"
        Console.Out.Flush()

    // Not through Console.Out, which Expecto has replaced by a writer that puts colours and blanks round the text.
    use output = new StreamWriter(Console.OpenStandardOutput())
    output.WriteLine()
    output.WriteLine $"{passed} passed, {failed} failed, {skipped} skipped"
    if passed + failed = 0 then 2 else exit

[<EntryPoint>]
let main argv =
    // What some tests start as a process of its own.
    if NativeCallTests.tried argv || NativeCallTests.scalarsAtRisk argv || OverlapTests.isOneOfTeam argv then
        0
    else
        // What the tests start, builds and scripts too, ends before it would gain from what measuring its methods costs.
        Environment.SetEnvironmentVariable("DOTNET_TieredPGO", "0")
        CondEmbed.Torch.Native.ownProcess ()
        runTests argv
