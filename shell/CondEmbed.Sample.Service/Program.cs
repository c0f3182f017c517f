using CondEmbed.Common;
using CondEmbed.Extensions.AI;
using CondEmbed.Images;
using CondEmbed.Sample.Service;
using CondEmbed.Search;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.VectorData;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

// Keeps images and finds similar ones over HTTP, by an exported network and without torch:
//   dotnet run -c Release --project shell/CondEmbed.Sample.Service -- --Network:File first.onnx [--Stores FOLDER] [--urls http://127.0.0.1:5081]
// The network, the store, the generator of embeddings, the health check and the telemetry are all found by .NET's own interfaces.
var builder = WebApplication.CreateSlimBuilder(args);
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
builder.Services.AddCondEmbedOnnx(builder.Configuration.GetSection("Network"));
builder.Services.AddCondEmbedVectorStore(_ => new IndexFolder(builder.Configuration["Stores"] ?? "stores"));
builder.Services.AddEmbeddingGenerator(provider => provider.GetRequiredService<Embedder>().AsIEmbeddingGenerator());
builder.Services.AddHealthChecks().AddCondEmbed();
builder.Services.AddSingleton(provider => Pictures.In(provider.GetRequiredService<VectorStore>(), provider.GetRequiredService<Embedder>().Dimension));

// Spans of CondEmbed within those of the requests, and its numbers, go to the collector that OpenTelemetry's own variable names, such as http://localhost:4317.
var telemetry = builder.Services.AddOpenTelemetry()
    .WithTracing(tracing => tracing.AddSource(Telemetry.Name).AddAspNetCoreInstrumentation())
    .WithMetrics(metrics => metrics.AddMeter(Telemetry.Name).AddAspNetCoreInstrumentation());
if (builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is not null)
    telemetry.UseOtlpExporter();

var app = builder.Build();

// The network is opened before the first request: one that cannot be used ends the start, in one sentence.
try
{
    app.Services.GetRequiredService<Embedder>();
}
catch (Exception problem) when (problem is InputException or OptionsValidationException)
{
    Console.Error.WriteLine(problem.Message);
    return 2;
}

app.MapHealthChecks("/health");

app.MapPost("/embed", (HttpRequest request, IEmbeddingGenerator<DataContent, Embedding<float>> generator, CancellationToken stop) =>
    Answered(async () => (await generator.GenerateAsync([await Image(request, "the image", stop)], cancellationToken: stop))[0].Vector.ToArray()));

app.MapPut("/pictures/{name}", (HttpRequest request, VectorStoreCollection<string, Picture> pictures, string name, string? label, CancellationToken stop) =>
    Answered(async () =>
    {
        await pictures.EnsureCollectionExistsAsync(stop);
        await pictures.UpsertAsync(new Picture { Name = name, Label = label, Image = await Image(request, name, stop) }, stop);
        return name;
    }));

app.MapPost("/search", (HttpRequest request, VectorStoreCollection<string, Picture> pictures, string? label, int? top, CancellationToken stop) =>
    top < 1 ? Task.FromResult(Results.Problem($"top must be 1 or more, not {top}.", statusCode: StatusCodes.Status400BadRequest)) : Answered(async () =>
    {
        var options = new VectorSearchOptions<Picture> { Filter = label is null ? null : picture => picture.Label == label };
        var found = new List<Found>();
        var query = await Image(request, "the image", stop);
        if (!await pictures.CollectionExistsAsync(stop))
            return found;
        await foreach (var hit in pictures.SearchAsync(query, top ?? 10, options, stop))
            found.Add(new Found(hit.Record.Name, hit.Record.Label, hit.Score ?? 0));
        return found;
    }));

app.MapDelete("/pictures/{name}", (VectorStoreCollection<string, Picture> pictures, string name, CancellationToken stop) =>
    Answered(async () =>
    {
        await pictures.DeleteAsync(name, stop);
        return name;
    }));

await app.RunAsync();
return 0;

// What is wrong with an image is the caller's to mend. A store that cannot be used now can be asked again. Anything else is the service's own trouble, which the log tells.
async Task<IResult> Answered<T>(Func<Task<T>> answer)
{
    try
    {
        return Results.Ok(await answer());
    }
    catch (BadImageException problem)
    {
        return Results.Problem(problem.Message, statusCode: StatusCodes.Status400BadRequest);
    }
    catch (BadHttpRequestException problem)
    {
        // Such as a body above the server's limit.
        return Results.Problem(problem.Message, statusCode: problem.StatusCode);
    }
    catch (VectorStoreException problem) when (problem.InnerException is StoreUnavailableException)
    {
        app.Logger.LogWarning(problem, "the store cannot be used now");
        return Results.Problem("The store cannot be used now; try again later.", statusCode: StatusCodes.Status503ServiceUnavailable);
    }
    catch (Exception problem) when (problem is InputException or VectorStoreException or DiskException)
    {
        app.Logger.LogError(problem, "a request could not be answered");
        return Results.Problem("The service cannot answer; its log says why.", statusCode: StatusCodes.Status500InternalServerError);
    }
}

// What is wrong with an image is told under its name.
static async Task<DataContent> Image(HttpRequest request, string name, CancellationToken stop)
{
    using var bytes = new MemoryStream();
    await request.Body.CopyToAsync(bytes, stop);
    return new DataContent(bytes.ToArray(), "image/jpeg") { Name = name };
}
