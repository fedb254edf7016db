using Lavka.Catalog;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

var builder = WebApplication.CreateBuilder(args);
builder.AddServiceDefaults(Topics.Catalog);
builder.AddAggregateStore();
builder.AddGrpcApi();
builder.Services.AddSingleton<IFollowUp<Product>, FollowUpProduct>();
builder.AddFollowUps<Product>();
builder.Services.AddSingleton<SearchIndex>();
builder.Services.AddHostedService<FillIndex>();

var app = builder.Build();
app.MapServiceDefaults();

app.MapV1();
app.MapV2();
app.MapGrpcApi<PricesService>();
app.On<ProductCreated>(KeepIndex.Created);
app.On<PriceChanged>(KeepIndex.PriceChanged);
app.On<ProductDiscontinued>(KeepIndex.Discontinued);

app.Run();
