using Lavka.Catalog;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Catalog);
builder.AddAggregateStore();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();

app.Run();
