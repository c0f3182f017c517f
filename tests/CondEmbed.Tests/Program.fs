module CondEmbed.Tests.Program

open System
open Expecto
open Expecto.Impl

/// Torch has one global generator and one default device, so the tests run one after another.
let all =
    testSequenced
    <| testList
        "CondEmbed"
        [
            NativeTests.tests
            ParamsTests.tests
            LayerTests.tests
            EncoderTests.tests
            AttentionTests.tests
            HierarchyTests.tests
            SimilarityTests.tests
            LossTests.tests
            OptimiserTests.tests
            TrainTests.tests
            DeviceTests.tests
            ConfigTests.tests
            RecipeTests.tests
            ImageTests.tests
            DatasetTests.tests
            SplitTests.tests
            SamplingTests.tests
            EvaluationTests.tests
            SearchTests.tests
            SafetensorsTests.tests
            CheckpointTests.tests
            EmbeddingFileTests.tests
            RunTests.tests
            ReportTests.tests
            FaceTests.tests
            ScriptTests.tests
            CliTests.tests
        ]

/// Prints the closing line 'N passed, N failed, N skipped' once Expecto has printed its own summary.
[<EntryPoint>]
let main argv =
    let mutable passed, failed, skipped = 0, 0, 0

    let count (summary: TestRunSummary) =
        passed <- summary.passed.Length
        failed <- summary.failed.Length + summary.errored.Length
        skipped <- summary.ignored.Length

    // Colours end in the middle of a line, which would no longer be the closing line alone.
    let plain =
        if Console.IsOutputRedirected then
            [ Colours 0; No_Spinner ]
        else
            []

    let exit =
        runTestsWithCLIArgs (Append_Summary_Handler(SummaryHandler count) :: plain) argv all

    Console.Out.Flush()

    if passed + failed = 0 then
        printfn "no test matched"

    printfn $"{passed} passed, {failed} failed, {skipped} skipped"
    if passed + failed = 0 then 2 else exit
