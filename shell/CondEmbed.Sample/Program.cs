using CondEmbed;
using CondEmbed.Common;
using CondEmbed.Datasets;
using CondEmbed.Evaluation;
using CondEmbed.Models;
using CondEmbed.Options;
using CondEmbed.Runs;
using CondEmbed.Sample;
using CondEmbed.Search;
using Microsoft.AspNetCore.RateLimiting;

// A page that finds images similar to a given one, and shows why:
//   dotnet run -c Release --project shell/CondEmbed.Sample [-- RUN] [--gallery FOLDER] [--steps N] [--urls http://127.0.0.1:5080]
// Without a run it first trains a small one on the bundled emoji, and keeps it in this user's application data folder; without a gallery
// it searches among them.
const long MostBytes = 10_000_000;
const string Images = "images";
const int AtOnce = 8;
const int Waiting = 64;

CondEmbed.Torch.Native.ownProcess();

var run = args is [var first, ..] && !first.StartsWith('-') ? first : null;
var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = run is null ? args : args[1..], ContentRootPath = AppContext.BaseDirectory });
if (string.IsNullOrEmpty(builder.Configuration["urls"]))
{
    builder.WebHost.UseUrls("http://127.0.0.1:5080");
}

// A page elsewhere must not reach this one through a name of its own that leads here (DNS rebinding).
if (string.IsNullOrEmpty(builder.Configuration["AllowedHosts"]))
{
    builder.Configuration["AllowedHosts"] = "localhost;127.0.0.1;[::1]";
}

// Each image on its way holds its bytes and its pixels, so only some are let in at once, and none may dawdle.
builder.Services.AddRateLimiter(limits => limits.AddConcurrencyLimiter(Images, some => (some.PermitLimit, some.QueueLimit) = (AtOnce, Waiting)).RejectionStatusCode = StatusCodes.Status503ServiceUnavailable);
builder.Services.AddRequestTimeouts(limits => limits.DefaultPolicy = new() { Timeout = TimeSpan.FromSeconds(30), TimeoutStatusCode = StatusCodes.Status408RequestTimeout });
builder.Logging.AddFilter("Microsoft.AspNetCore", LogLevel.Warning);
builder.Services.AddSingleton(new SampleOptions(run, builder.Configuration["gallery"], builder.Configuration.GetValue("steps", 300)));
builder.Services.AddSingleton<Preparation>().AddHostedService(services => services.GetRequiredService<Preparation>());

var app = builder.Build();
app.Use((context, next) =>
{
    context.Response.Headers.ContentSecurityPolicy = "default-src 'self'; img-src 'self' data: blob:";
    context.Response.Headers.XContentTypeOptions = "nosniff";
    return next(context);
});
app.Use(async (context, next) =>
{
    try
    {
        await next(context);
    }
    catch (Exception problem) when (problem is InputException or BadHttpRequestException && !context.Response.HasStarted)
    {
        context.Response.StatusCode = (problem as BadHttpRequestException)?.StatusCode ?? StatusCodes.Status400BadRequest;
        await context.Response.WriteAsJsonAsync(new { error = problem.Message }, context.RequestAborted);
    }
});
app.UseDefaultFiles().UseStaticFiles();
app.UseRequestTimeouts();
app.UseRateLimiter();

app.MapGet("/api/state", (Preparation preparation) => preparation.State with { MostBytes = MostBytes });

app.MapGet("/api/gallery", (Preparation preparation, int count) => preparation.Finder.Some(Math.Clamp(count, 1, 100)));

app.MapGet("/api/images/{**id}", (Preparation preparation, string id) =>
    preparation.Finder.FileOf(id) is { } file ? Results.Bytes(file, "image/" + CondEmbed.Images.ImageFormat.Of(file).ToLowerInvariant()) : Results.NotFound());

// The body of the two requests is an image's file. 'without' leaves one image of the gallery out: the query itself, if it was chosen from the gallery.
app.MapPost("/api/search", async (HttpRequest request, Preparation preparation, string? name, string? without, CancellationToken cancellationToken) =>
    Results.Ok(await preparation.Finder.FindAsync(await Body(request, cancellationToken), name ?? "image", without, cancellationToken))).RequireRateLimiting(Images);

app.MapPost("/api/why/{**id}", async (HttpRequest request, Preparation preparation, string id, string? name, CancellationToken cancellationToken) =>
    await preparation.Finder.ExplainAsync(await Body(request, cancellationToken), name ?? "image", id, cancellationToken) is { } why ? Results.Ok(why) : Results.NotFound()).RequireRateLimiting(Images);

var prepared = app.Services.GetRequiredService<Preparation>();
try
{
    await app.RunAsync();
    return prepared.ExitCode;
}
catch (IOException problem)
{
    // The address is in use.
    await Console.Error.WriteLineAsync(problem.Message);
    return 2;
}

static async Task<ReadOnlyMemory<byte>> Body(HttpRequest request, CancellationToken cancellationToken)
{
    if (request.ContentLength is null)
    {
        throw new BadHttpRequestException("The body of the request must be an image file, with its length.", StatusCodes.Status411LengthRequired);
    }

    if (request.ContentLength > MostBytes)
    {
        throw new BadHttpRequestException($"An image may take up to {MostBytes / 1_000_000} MB. Make it smaller.", StatusCodes.Status413PayloadTooLarge);
    }

    var file = new byte[(int)request.ContentLength];
    await request.Body.ReadExactlyAsync(file, cancellationToken);
    return file;
}
